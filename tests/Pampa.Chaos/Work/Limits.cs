namespace Pampa.Chaos.Work;

/// <summary>
/// The limits that the program under fire is given. They are short, so that ten minutes hold many recoveries.
/// </summary>
internal static class Limits
{
    public const int MaxAttempts = 3;

    /// <summary>How often a recurring task completes.</summary>
    public const int Rounds = 3;

    public static readonly TimeSpan WorkerLease = TimeSpan.FromSeconds(4);

    public static readonly TimeSpan LeaderLease = TimeSpan.FromSeconds(3);

    public static readonly TimeSpan MaxDuration = TimeSpan.FromSeconds(6);

    /// <summary>How long after a start the leader may take a record back though its worker lives: duration, and what the protocol adds.</summary>
    public static readonly TimeSpan Deadline = MaxDuration + TimeSpan.FromSeconds(10) + TimeSpan.FromMilliseconds(60);

    /// <summary>How long a reservation may lie unstarted with a worker that lives.</summary>
    public static readonly TimeSpan Hand = TimeSpan.FromSeconds(60);

    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Within this time after everything was healed each task must have ended: a reservation that nobody knows of (60 s), a job that
    /// waits for its table (30 s), then all attempts of a task that ignores its cancellation.
    /// </summary>
    public static readonly TimeSpan Bound = Hand + TimeSpan.FromSeconds(30) + MaxAttempts * (Deadline + TimeSpan.FromSeconds(5));
}
