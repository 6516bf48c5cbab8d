using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Pampa.Hosting;

/// <summary>How a process of the cluster is at a moment.</summary>
/// <param name="Works">Whether it has workers.</param>
/// <param name="Dispatches">Whether it has a dispatcher.</param>
/// <param name="IsJoined">Whether its workers are registered and ready.</param>
/// <param name="IsTrusted">Whether their lease surely stands.</param>
/// <param name="KnowsLeader">Whether its dispatcher leads, or has seen that another one does.</param>
/// <param name="IsLeading">Whether it leads.</param>
/// <param name="IsDown">Whether the database is out of reach.</param>
/// <param name="Standing">The loop that has given no sign of life for the longest time; null: all have just now.</param>
internal sealed record EngineState(
    bool Works, bool Dispatches, bool IsJoined, bool IsTrusted, bool KnowsLeader, bool IsLeading, bool IsDown, StandingLoop? Standing)
{
    // A statement that is repeated in an outage takes no longer.
    private static readonly TimeSpan LongPause = Watchdog.Patience / 2;

    /// <summary>Whether its loops turn. One that stands still for too long ends the process by itself.</summary>
    public (HealthStatus Status, string Text) Live => Standing switch
    {
        { For: var time } when time >= Watchdog.Patience => (HealthStatus.Unhealthy, $"The {Standing.Name} loop has stood still for {time:c}."),
        { For: var time } when time >= LongPause => (HealthStatus.Degraded, $"The {Standing.Name} loop has given no sign of life for {time:c}."),
        _ => (HealthStatus.Healthy, "All loops turn."),
    };

    /// <summary>Whether it can do its part: the database answers, and its leases stand.</summary>
    public (HealthStatus Status, string Text) Ready =>
        IsDown ? (HealthStatus.Unhealthy, "The database is out of reach.")
        : Works && !IsJoined ? (HealthStatus.Unhealthy, "The workers are not registered yet.")
        : Works && !IsTrusted ? (HealthStatus.Unhealthy, "The workers' lease could not be renewed in time.")
        : Dispatches && !KnowsLeader ? (HealthStatus.Unhealthy, "The dispatcher has not asked for the lease yet.")
        : (HealthStatus.Healthy, IsLeading ? "The database answers; this process leads." : "The database answers.");
}
