using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pampa.Hosting;

namespace Pampa;

/// <summary>Health checks of an application with <see cref="PampaServices"/>.</summary>
public static class PampaHealth
{
    /// <summary>The tag of the check whether the process should go on: map it for the question whether it lives.</summary>
    public const string Live = "live";

    /// <summary>The tag of the check whether it can do its part: map it for the question whether it is ready.</summary>
    public const string Ready = "ready";

    /// <summary>
    /// Adds two checks. <c>pampa-live</c> (tag <see cref="Live"/>): the loops turn; a loop that has given no sign of life for a minute is
    /// degraded, for two minutes unhealthy, and then the process ends by itself. It stays healthy while the database is away, for a restart
    /// would not help. <c>pampa-ready</c> (tag <see cref="Ready"/>): the database answers, the workers are registered and their lease stands,
    /// and the dispatcher leads or another one does. Both tell what the process knows already and ask the database nothing, so they may be
    /// asked at any rate.
    /// </summary>
    /// <param name="builder">The application's checks: <c>services.AddHealthChecks()</c>.</param>
    /// <param name="name">What their names begin with. Default <c>pampa</c>.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public static IHealthChecksBuilder AddPampa(this IHealthChecksBuilder builder, string name = "pampa")
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return builder
            .Add(new HealthCheckRegistration($"{name}-live", services => new ProcessCheck(() => Of(services).Live), null, [Live]))
            .Add(new HealthCheckRegistration($"{name}-ready", services => new ProcessCheck(() => Of(services).Ready), null, [Ready]));
    }

    private static ProcessHealth Of(IServiceProvider services) => services.GetService<HostedProgram>()?.Health
        ?? throw new InvalidOperationException("There is no Pampa in this application whose health could be told: call services.AddPampa(pampa => …) as well.");
}
