using System.Globalization;

namespace Pampa.Commands;

/// <summary>How the work on one job goes.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Done">Tasks that have ended; by this process only where there is no total.</param>
/// <param name="Total">All tasks; null until they were counted.</param>
/// <param name="PerSecond">Tasks that this process ends a second.</param>
internal sealed record ProgressRow(string Job, long Done, long? Total, double PerSecond)
{
    public int Workers { get; init; }

    public bool IsStandingBy { get; init; }

    /// <summary>Whether this process never dispatches: it is a node only.</summary>
    public bool HasNoDispatcher { get; init; }

    /// <summary>Tasks that this process has started and not settled.</summary>
    public int Running { get; init; }

    /// <summary>Records that wait in the hands of this process's workers.</summary>
    public int InHand { get; init; }

    /// <summary>Attempts of this process that failed.</summary>
    public long FailedAttempts { get; init; }

    /// <summary>When all will be done at this rate, for people; empty where nobody can know.</summary>
    public string Eta
    {
        get
        {
            if (Total is not { } total) return "";
            if (total <= Done) return "00:00:00";
            // The clock shows hours, minutes and seconds: 99:59:59 stands for "longer".
            return PerSecond > 0
                ? TimeSpan.FromSeconds(Math.Min((total - Done) / PerSecond, 359_999)) is var left
                    ? string.Create(CultureInfo.InvariantCulture, $"{(int)left.TotalHours:00}:{left.Minutes:00}:{left.Seconds:00}") : ""
                : "unknown";
        }
    }
}
