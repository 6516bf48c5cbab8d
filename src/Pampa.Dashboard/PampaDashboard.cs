using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa;

/// <summary>The dashboard in an application: what there is to do, how it goes, and what to do about it.</summary>
public static class PampaDashboard
{
    /// <summary>
    /// Serves the dashboard below a path. It is one endpoint, so what is said of it (<c>.RequireAuthorization("operators")</c>) holds for its
    /// pages, its data and its stream alike. Without that, and without <see cref="PampaDashboardOptions.Authorize"/>, only this computer
    /// gets an answer.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="path">Below which path, as <c>/pampa</c>; <c>/</c> for all of the application. Default <c>/pampa</c>.</param>
    /// <param name="configure">Fills in the rest.</param>
    /// <exception cref="ArgumentException">The path does not begin with <c>/</c> or has parameters.</exception>
    /// <exception cref="InvalidOperationException">
    /// The application has no cluster (<see cref="PampaServices"/>) and the options name none, or this build of the dashboard has no pages.
    /// </exception>
    public static IEndpointConventionBuilder MapPampaDashboard(
        this IEndpointRouteBuilder endpoints, string path = "/pampa", Action<PampaDashboardOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(path);
        if (!path.StartsWith('/') || path.AsSpan().IndexOfAny("{}?#*") >= 0)
            throw new ArgumentException($"The dashboard's path must begin with / and have no parameters, got '{path}'. Try '/pampa'.", nameof(path));
        var options = new PampaDashboardOptions();
        configure?.Invoke(options);
        var services = endpoints.ServiceProvider;
        var cluster = options.Cluster ?? services.GetService<PampaCluster>()
            ?? throw new InvalidOperationException("The dashboard has no cluster to show: call builder.Services.AddPampa(…) first, or set the option Cluster.");
        var assets = Assets.Embedded.Value
            ?? throw new InvalidOperationException("This build of Pampa.Dashboard has no pages: it was made on a machine without Node.js. Install Node.js 20 or newer and build src/Pampa.Dashboard again, or use the package.");
        var time = services.GetService<TimeProvider>() ?? TimeProvider.System;
        var log = (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger(Log.Category);
        var stopping = services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None;
        var below = path.TrimEnd('/');
        var reads = new Reads(time);
        var operations = new Operations(options, time, log, stopping);
        var watcher = new Watcher(cluster, options, reads, operations, time, log, stopping);
        var sessions = new Sessions(time);
        var routes = new Routes(options, assets, sessions, new Looks(cluster, options, reads), new Acts(cluster, options, reads, operations), watcher)
        {
            Time = time,
            Stopping = stopping,
        };
        var gate = new Gate(options, sessions, routes, log);
        return endpoints.Map($"{below}/{{**{Below.Rest}}}", gate.HandleAsync).WithDisplayName("Pampa dashboard");
    }
}
