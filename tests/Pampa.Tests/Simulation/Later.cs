namespace Pampa.Tests.Simulation;

/// <summary>
/// What else a seed makes of a run: what people hold, which process does what, who hears, what runs again, what is taken in batches, and what
/// programs say themselves. It is drawn
/// apart, so that a seed that has none of it runs as if there were no such things.
/// </summary>
internal sealed class Later
{
    private const int Whole = 3;
    private readonly int seed;
    private readonly bool isApart;
    private readonly bool isHeard;
    private readonly bool isRepeated;
    private readonly bool isBatched;
    private readonly bool isAsked;
    private readonly bool isHooked;

    public Later(int seed)
    {
        this.seed = seed;
        var random = new Random(unchecked((seed * 104_729) + 7));
        Steering = random.Next(Whole) == 0 ? 0.02 + (0.08 * random.NextDouble()) : 0;
        isApart = random.Next(Whole) == 0;
        isHeard = random.Next(Whole) == 0;
        Telling = isHeard ? random.NextDouble() : 0;
        isRepeated = random.Next(Whole) == 0;
        isBatched = random.Next(Whole) == 0;
        isAsked = random.Next(Whole) == 0;
        isHooked = random.Next(Whole) == 0;
        IsQuick = random.Next(Whole) == 0;
    }

    /// <summary>Whether tasks are known to be quick, so that the dispatcher starts what it reserves for the workers of its own process.</summary>
    public bool IsQuick { get; }

    /// <summary>How likely people hold something or let it go, with each step.</summary>
    public double Steering { get; }

    /// <summary>How likely something that is on its way to those who hear comes, with each step.</summary>
    public double Telling { get; }

    private Random Of(int process, int what) => new(unchecked((seed * 31) + (process * 7_919) + what));

    /// <summary>What the process of a number does. The first may lead and the second may work: something can happen from the beginning.</summary>
    public Part PartOf(int process) => !isApart ? Part.All : (process, Of(process, 1).Next(4)) switch
    {
        (0, < 3) => Part.Dispatcher,
        (1, < 3) => Part.Node,
        (_, 0) => Part.Dispatcher,
        (_, 1 or 2) => Part.Node,
        _ => Part.All,
    };

    /// <summary>Whether it is told what is handed over to its node, and so looks more seldom.</summary>
    public bool Hears(int process) => isHeard && Of(process, 2).Next(3) > 0;

    /// <summary>A job, which may run ended records again by itself.</summary>
    public JobPlan Repeated(JobPlan job, int number)
    {
        var random = Of(number, 5);
        if (!isRepeated || random.Next(3) == 0) return job;
        return job with
        {
            RelaunchAfter = TimeSpan.FromSeconds(random.Next(1, 25)),
            RelaunchJitter = random.Next(2) == 0 ? 0 : random.NextDouble(),
            RelaunchFailed = random.Next(2) == 0,
        };
    }

    /// <summary>A job, whose handler may take several tasks at once.</summary>
    public JobPlan Batched(JobPlan job, int number)
    {
        var random = Of(number, 6);
        if (!isBatched || job.MaxAttempts == 1 || random.Next(3) == 0) return job;
        var wait = random.Next(2) == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(random.Next(1, 2_000));
        return job with { BatchSize = random.Next(2, 5), MaxBatchWait = wait };
    }

    /// <summary>A job, which may say who may have work of it, and may write something of its own with each start and end.</summary>
    public JobPlan Ruled(JobPlan job, int number) => job with
    {
        IsAsked = isAsked && Of(number, 7).Next(3) > 0,
        HasHooks = isHooked && Of(number, 8).Next(3) > 0,
    };

    /// <summary>Whether a worker may have work of a job: each now and then may not, for some seconds.</summary>
    public bool Allows(string job, string worker, DateTime now) =>
        Of((job + worker).Sum(c => c), 9 + (int)(now.Ticks / TimeSpan.FromSeconds(4).Ticks % 1_000_000)).Next(3) > 0;

    /// <summary>A source of chance for what comes later.</summary>
    public Random Draw(int what) => Of(1_000, what);
}
