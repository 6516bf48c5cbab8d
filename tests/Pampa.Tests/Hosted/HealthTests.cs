using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Pampa.Tests.Hosted;

/// <summary>The health checks of an application.</summary>
public sealed class HealthTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-health-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task An_application_lives_from_the_first_and_is_ready_when_its_workers_are_until_it_stops()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = Path.Combine(folder, "test.db");
        builder.Services.AddHealthChecks().AddPampa();
        builder.Services.AddPampa(pampa =>
        {
            pampa.Setup("CREATE TABLE numbers (value bigint PRIMARY KEY)");
            pampa.AddJob("numbers", "numbers", "value", job => job.Process(_ => { }));
        });
        using var host = builder.Build();
        var checks = host.Services.GetRequiredService<HealthCheckService>();
        using var deadline = new CancellationTokenSource(Patience);
        Assert.Equal((HealthStatus.Healthy, HealthStatus.Unhealthy), (await AskAsync(PampaHealth.Live), await AskAsync(PampaHealth.Ready)));

        await host.StartAsync(deadline.Token);
        while (await AskAsync(PampaHealth.Ready) != HealthStatus.Healthy) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        Assert.Equal(HealthStatus.Healthy, await AskAsync(PampaHealth.Live));

        await host.StopAsync(deadline.Token);
        Assert.Equal((HealthStatus.Unhealthy, HealthStatus.Unhealthy), (await AskAsync(PampaHealth.Live), await AskAsync(PampaHealth.Ready)));

        async Task<HealthStatus> AskAsync(string tag)
        {
            var report = await checks.CheckHealthAsync(check => check.Tags.Contains(tag), deadline.Token);
            Assert.Equal($"pampa-{tag}", Assert.Single(report.Entries).Key);
            return report.Status;
        }
    }

    [Fact]
    public async Task Without_Pampa_the_check_says_what_is_missing()
    {
        var services = new ServiceCollection();
        services.AddLogging().AddHealthChecks().AddPampa("shop");
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["shop-live", "shop-ready"], report.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.All(report.Entries.Values, e => Assert.Contains("AddPampa(pampa", e.Exception!.Message, StringComparison.Ordinal));
    }
}
