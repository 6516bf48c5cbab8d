using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pampa.Serving;

/// <summary>
/// A web server with nothing but the dashboard. It reads no settings of web applications (ASPNETCORE_URLS and the like), so nothing opens
/// it further than the plan says.
/// </summary>
/// <param name="cluster">What is shown.</param>
/// <param name="plan">How.</param>
/// <param name="output">Told where it is.</param>
/// <param name="errors">Told of trouble.</param>
internal sealed class Server(PampaCluster cluster, ServePlan plan, TextWriter output, TextWriter errors)
{
    public const int Misconfigured = 2;
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(5);

    public async Task<int> RunAsync(CancellationToken stopping)
    {
        await using var app = Build();
        try
        {
            await app.StartAsync(stopping);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new PampaConfigurationException([$"The dashboard cannot listen on {plan.Address}, port {plan.Port}: {e.Message.ReplaceLineEndings(" ")} Give another one with --port."]);
        }
        await SayAsync(app);
        await app.WaitForShutdownAsync(stopping);
        return 0;
    }

    internal WebApplication Build()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = StopTime);
        builder.Logging.ClearProviders().AddProvider(new Complaints(errors, TimeProvider.System));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 500;
            kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
            kestrel.Listen(plan.Address, plan.Port);
        });
        var app = builder.Build();
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(Log.Category);
        app.MapPampaDashboard("/", options =>
        {
            options.Cluster = cluster;
            options.Database = plan.Database;
            options.IsReadOnly = plan.IsReadOnly;
            options.ShowsColumn = plan.Shows;
            options.AllowedHosts.UnionWith(plan.Hosts);
            options.SignIn = plan.Auth is { } auth ? SignInOf(auth, log) : null;
        });
        return app;
    }

    private static SignIn SignInOf(AuthPlan auth, ILogger log) => auth.Kind switch
    {
        AuthKind.Token => new TokenSignIn(new SecretPair(auth.Secret, auth.ReadSecret, log, TimeProvider.System)),
        AuthKind.Basic => new BasicSignIn(new SecretPair(auth.Secret, auth.ReadSecret, log, TimeProvider.System)),
        _ => new HeaderSignIn(auth.Header, auth.Proxies, auth.Operators),
    };

    private async Task SayAsync(WebApplication app)
    {
        var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var isAny = plan.Address.Equals(IPAddress.Any) || plan.Address.Equals(IPAddress.IPv6Any);
        var host = plan.Hosts.Count > 0 ? plan.Hosts[0] : isAny ? Dns.GetHostName() : bound.Host;
        if (plan.Database is { } database) await output.WriteLineAsync($"Database: {database}");
        // Behind # it is not sent to any server and stands in no log.
        var secret = plan.Auth is { IsNew: true, Secret: var made } ? $"#secret={made}" : "";
        await output.WriteLineAsync($"Dashboard: http://{host}:{bound.Port}/{secret}");
        if (!IPAddress.IsLoopback(plan.Address))
            await output.WriteLineAsync("What browsers and this process say to each other is not encrypted: put a proxy with TLS before it.");
    }
}
