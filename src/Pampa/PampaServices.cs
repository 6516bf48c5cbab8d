using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Pampa.Hosting;

namespace Pampa;

/// <summary>Pampa in an application with the generic host: a web application, a worker service, a console host.</summary>
public static class PampaServices
{
    /// <summary>
    /// Adds a cluster's process to the application: its dispatcher and its workers run from when all hosted services
    /// have started until the application stops, and <see cref="PampaCluster"/> can be asked for. It may be called
    /// several times, before or after any other service is added; all calls fill one program. The section <c>Pampa</c>
    /// of the configuration goes before what the code says. Everything that is wrong is found when the application
    /// starts, before any work begins, and told in one <see cref="PampaConfigurationException"/>. When the application
    /// stops, running handlers have <see cref="PampaBuilder.ShutdownTimeout"/> or the host's own shutdown time-out,
    /// whichever is over first; then they are cancelled and given back without cost: a deploy costs no attempt.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Adds the jobs; called once, when the application starts.</param>
    public static IServiceCollection AddPampa(this IServiceCollection services, Action<PampaBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddPampa((_, pampa) => configure(pampa));
    }

    /// <inheritdoc cref="AddPampa(IServiceCollection, Action{PampaBuilder})"/>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Adds the jobs, with the application's services at hand.</param>
    public static IServiceCollection AddPampa(this IServiceCollection services, Action<IServiceProvider, PampaBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddSingleton(new ProgramPart(configure));
        services.TryAddSingleton<HostedProgram>();
        services.TryAddSingleton<PampaCluster>(provider => new PampaCluster(provider.GetRequiredService<HostedProgram>().Access));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PampaService>());
        return services;
    }
}
