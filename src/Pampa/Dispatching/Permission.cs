using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>Something of the program's that says which workers may have work: asked beside the loop, and answering when it can.</summary>
internal interface IAsked
{
    /// <summary>Begins to ask what is due to be asked, and returns what was begun.</summary>
    IEnumerable<Task> Begin(IReadOnlyList<WorkerHand> workers, CancellationToken stopping);

    /// <summary>Complains of answers that take too long. Says whether any is waited for.</summary>
    bool Check();

    /// <summary>Whether its last answer was a yes, and is not too old.</summary>
    bool Allows(string worker);
}

/// <summary>
/// Which workers may be given work of a job now. The program is asked beside the dispatcher's loop, so that an answer that takes long, or
/// never comes, holds up nobody; until there is one, nobody may.
/// </summary>
internal sealed class Permission(JobDispatch job, IReadOnlyList<IAsked> asked, TimeProvider time)
{
    /// <summary>How often the same is asked at most.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>How long an answer may take.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    /// <summary>What is said of one that takes longer.</summary>
    public static string TooLate => $"it did not answer within {Deadline:c}";

    /// <summary>How long an answer holds: until the next one, which may be on its way for as long as it may take.</summary>
    public static readonly TimeSpan Holds = Every + Deadline;

    // Most have their answer in a moment.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(20);

    public JobDispatch Job => job;

    /// <summary>Whether an answer is waited for.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Asks what is due to be asked, and notes who may have nothing now.</summary>
    public async Task AskAsync(CancellationToken stopping)
    {
        // Where nothing was due a moment ago, and nothing is done, nobody needs to know.
        if (job.IsLookDue || job.Hands.Any(hand => hand.Count > 0 || hand.IsBusy))
        {
            var begun = asked.SelectMany(one => one.Begin(job.Hands, stopping)).Where(task => !task.IsCompleted).ToList();
            if (begun.Count > 0) await WaitAsync(Task.WhenAll(begun), stopping);
        }
        var isOpen = false;
        foreach (var one in asked) isOpen |= one.Check();
        IsOpen = isOpen;
        var barred = job.Hands.Where(hand => !asked.All(one => one.Allows(hand.Worker))).Select(hand => hand.Worker).ToHashSet(StringComparer.Ordinal);
        var isAnyFreed = job.Barred.Any(worker => !barred.Contains(worker));
        job.Barred = barred;
        // What waits for them has been due for long: nobody will tell of it again.
        if (isAnyFreed) job.Wake();
    }

    private async Task WaitAsync(Task answers, CancellationToken stopping)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await Task.WhenAny(answers, Task.Delay(Grace, time, enough.Token));
        await enough.CancelAsync();
    }
}

/// <summary>The permissions of all jobs that have any.</summary>
internal sealed class Permissions(IEnumerable<JobDispatch> jobs, ILogger log, TimeProvider time)
{
    private readonly List<Permission> all = [.. jobs.Where(j => j.Store.Job.Allowing is not null).Select(j => Of(j, j.Store.Job.Allowing!, log, time))];

    /// <summary>Whether there are any.</summary>
    public bool HasAny => all.Count > 0;

    /// <summary>Whether an answer is waited for.</summary>
    public bool AreOpen => all.Exists(one => one.IsOpen);

    /// <summary>Asks for each job that may begin something.</summary>
    public async Task AskAsync(Func<JobDispatch, bool> isHeld, CancellationToken stopping)
    {
        foreach (var one in all)
        {
            if (!isHeld(one.Job) && !one.Job.Load.IsSuspendedAt(JobStep.Dispatch)) await one.AskAsync(stopping);
        }
    }

    private static Permission Of(JobDispatch job, Allowing allowing, ILogger log, TimeProvider time)
    {
        Trouble TroubleOf(string what) => new((worker, error) => Log.NoAnswer(log, job.Store.Job.Name, what, worker.Length == 0 ? error : $"of worker '{worker}': {error}"),
            () => Log.AnswersAgain(log, job.Store.Job.Name, what));
        var asked = new List<IAsked>();
        if (allowing.Where is not null) asked.Add(new AskedCondition(job, TroubleOf("AllowWhere"), time));
        if (allowing.AskAsync is { } allowAsync) asked.Add(new AskedCode(job, allowAsync, TroubleOf("Allow"), time));
        return new Permission(job, asked, time);
    }
}
