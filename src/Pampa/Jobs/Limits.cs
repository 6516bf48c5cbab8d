namespace Pampa.Jobs;

/// <summary>
/// Every list, batch, text and wait has a maximum: those that more than one class needs, or that users meet, stand here; the others in the class that
/// they bound.
/// </summary>
internal static class Limits
{
    /// <summary>Rows that one RESERVE takes, over all workers of a job.</summary>
    public const int ReserveRows = 8_000;

    /// <summary>Rows that one RESERVE looks for at most, where the last one has found fewer than it could have taken.</summary>
    public const int FirstLook = 16;

    /// <summary>Rows that one gathered statement settles on an ordinary dialect.</summary>
    public const int StatementRows = 500;

    /// <summary>
    /// Rows that a worker may have started ahead of the one it runs: as many as a process that dies charges an attempt
    /// to. Never more than a twentieth of a second of work: only tasks of less than a tenth of a millisecond come to so many, and with half of
    /// them a ninth of their throughput is lost, for each START is a round trip that the workers wait for.
    /// </summary>
    public const int StartAheadRows = 512;

    /// <summary>UTF-16 units of an error text, if the column does not allow less.</summary>
    public const int ErrorText = 4_000;

    /// <summary>Levels by which a line of the log is indented at most.</summary>
    public const int StepDepth = 20;

    /// <summary>Attempts that a job may ask for.</summary>
    public const int Attempts = 1_000;

    /// <summary>Workers of one node.</summary>
    public const int WorkersPerNode = 1_000;

    /// <summary>Records that a quick report counts of those that have ended, and as many of those that have not.</summary>
    public const int CountedRows = 250_000;

    /// <summary>Records that one listing returns.</summary>
    public const int ListedRows = 10_000;

    /// <summary>Records that one look for a page passes by, whatever they are.</summary>
    public const int LookedAtRows = 50_000;

    /// <summary>Records that match a filter are counted up to so many.</summary>
    public const int MatchedRows = 100_000;

    /// <summary>And to so many at most, where somebody asks for that.</summary>
    public const int MostMatched = 1_000_000;

    /// <summary>Records of a job that one pass makes pending again.</summary>
    public const int RelaunchRows = 10_000;

    /// <summary>
    /// No batch waits longer than this to fill: whoever waits for its start longer than a minute may be taken away.
    /// </summary>
    public static readonly TimeSpan LongestBatchWait = TimeSpan.FromSeconds(30);

    /// <summary>Keys of a program's own selection that are looked at.</summary>
    public const int NamedRows = 10_000;

    /// <summary>Entries of the audit that one question brings.</summary>
    public const int AuditedRows = 1_000;

    /// <summary>An attempt may always take so long.</summary>
    public static readonly TimeSpan ShortestDuration = TimeSpan.FromSeconds(1);

    /// <summary>No attempt may take longer.</summary>
    public static readonly TimeSpan LongestDuration = TimeSpan.FromDays(45);

    /// <summary>A lease of workers or of the leader lasts at least so long.</summary>
    public static readonly TimeSpan ShortestLease = TimeSpan.FromSeconds(3);

    /// <summary>A lease of workers or of the leader lasts at most so long.</summary>
    public static readonly TimeSpan LongestLease = TimeSpan.FromHours(1);

    /// <summary>What people have done is kept so long where nobody says anything else.</summary>
    public static readonly TimeSpan UsualAuditRetention = TimeSpan.FromDays(90);

    /// <summary>It is always kept so long.</summary>
    public static readonly TimeSpan ShortestAuditRetention = TimeSpan.FromDays(1);

    /// <summary>No delay is longer than this.</summary>
    public static readonly TimeSpan LongestDelay = TimeSpan.FromDays(3_650);
}
