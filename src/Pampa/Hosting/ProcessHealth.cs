using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Pampa.Hosting;

/// <summary>How the application's part of the cluster is, from before it starts until after its end.</summary>
internal sealed class ProcessHealth
{
    private volatile Engine? engine;
    private volatile bool hasEnded;

    /// <summary>It is prepared.</summary>
    public void Begin(Engine prepared) => engine = prepared;

    /// <summary>It works no more.</summary>
    public void End() => hasEnded = true;

    // Whoever starts slowly is not dead: a start that fails ends the application.
    public (HealthStatus Status, string Text) Live => Ended ?? engine?.State.Live ?? (HealthStatus.Healthy, "It starts.");

    public (HealthStatus Status, string Text) Ready => Ended ?? engine?.State.Ready ?? (HealthStatus.Unhealthy, "It has not started yet.");

    private (HealthStatus, string)? Ended => hasEnded ? (HealthStatus.Unhealthy, "The work has ended.") : null;
}

/// <summary>A question of the health checks.</summary>
/// <param name="look">Answers it.</param>
internal sealed class ProcessCheck(Func<(HealthStatus Status, string Text)> look) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var (status, text) = look();
        return Task.FromResult(new HealthCheckResult(status == HealthStatus.Unhealthy ? context.Registration.FailureStatus : status, text));
    }
}
