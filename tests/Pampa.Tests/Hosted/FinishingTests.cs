using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Hosted;

/// <summary>How a process that works writes its results.</summary>
public sealed class FinishingTests
{
    private const int Records = 8_000;

    // Each FINISH takes a while, and notes whether another one is under way: a sequence keeps that although nobody else sees it yet.
    private const string Noting = """
        CREATE SEQUENCE met;
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF EXISTS (SELECT 1 FROM changed WHERE visit_end_time IS NOT NULL) THEN
            IF NOT pg_try_advisory_xact_lock(4711) THEN PERFORM nextval('met'); END IF;
            PERFORM pg_sleep(0.01);
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER noting AFTER UPDATE ON pages REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note();
        """;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Where_results_gather_quicker_than_they_are_written_two_statements_write_them()
    {
        await using var db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = NumbersDatabase.PlainUrl(db.Source.ConnectionString);
        builder.Services.AddPampa(pampa =>
        {
            pampa.Workers = 4;
            pampa.PollInterval = TimeSpan.FromMilliseconds(50);
            pampa.Setup("CREATE TABLE IF NOT EXISTS pages (id bigint PRIMARY KEY)");
            pampa.AddJob("visit", "pages", "id", job => job.Process(_ => { }));
        });
        using var host = builder.Build();
        await host.StartAsync(Stopping);
        await db.ExecuteAsync($"{Noting} INSERT INTO pages SELECT generate_series(1, {Records});");
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        while ((await cluster.ReportAsync("visit", exact: true, deadline.Token)).Completed < Records)
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        await host.StopAsync(Stopping);

        Assert.True(await db.ScalarAsync<bool>("SELECT is_called FROM met"));
        Assert.Equal(Records, await db.ScalarAsync<long>("SELECT count(*) FROM pages WHERE visit_success AND visit_reservation_times = 1"));
    }
}
