namespace Pampa.Jobs;

/// <summary>When ended records of a job run again by themselves: by a rule that the database checks, or as the program's code says.</summary>
internal sealed record Relaunching
{
    /// <summary>The least time between an end and the next run; null: the condition alone decides.</summary>
    public TimeSpan? After { get; init; }

    /// <summary>The share of <see cref="After"/> that is added at random, at most.</summary>
    public double Jitter { get; init; }

    /// <summary>Whether the rule is for failed records, too.</summary>
    public bool FailedToo { get; init; }

    public Func<Sql>? Where { get; init; }

    public Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>>? KeysAsync { get; init; }

    /// <summary>Whether there is a rule.</summary>
    public bool HasRule => After is not null || Where is not null;
}
