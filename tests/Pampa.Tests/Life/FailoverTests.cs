using Pampa.Hosting;
using Pampa.Servers;
using Pampa.Storage;

namespace Pampa.Tests.Life;

/// <summary>Two servers, one of which follows the other and takes its place.</summary>
public sealed class FailoverTests : IAsyncLifetime
{
    private const int Count = 600;
    private readonly List<string> folders = [];
    private PrivatePostgres? primary, standby;

    private string NewFolder()
    {
        folders.Add(Directory.CreateTempSubdirectory("pampa-failover-").FullName);
        return folders[^1];
    }

    public async ValueTask InitializeAsync()
    {
        if (!PrivatePostgres.IsInstalled) return;
        primary = await PrivatePostgres.StartAsync(NewFolder(), "fsync = off", "max_connections = 60");
        standby = await primary.StartStandbyAsync(NewFolder());
        // What the primary acknowledges the standby has: nothing less keeps it where the primary is lost.
        await primary.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = '*'");
        await primary.ExecuteAsync("SELECT pg_reload_conf()");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await primary.AskAsync("SELECT sync_state FROM pg_stat_replication") is not "sync")
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (standby is not null) await standby.DisposeAsync();
        if (primary is not null) await primary.DisposeAsync();
        foreach (var folder in folders) Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Processes_follow_to_the_server_that_takes_the_primarys_place()
    {
        if (primary is null || standby is null) Assert.Skip(PrivatePostgres.Missing);
        // The standby first, so that it is not the order that finds the right one.
        var both = $"postgres://postgres@127.0.0.1:{standby.Port},127.0.0.1:{primary.Port}/postgres";
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // Some are at work when it happens, some end just then, and some come after it.
        var work = LiveProcess.Numbers(6, Count, task => task.Get<long>("value") % 100 == 0
            ? go.Task
            : Task.Delay(TimeSpan.FromMilliseconds(40), TimeProvider.System, task.CancellationToken));
        await using var a = LiveProcess.Start(both, "a", work);
        var same = $"Host=127.0.0.1:{standby.Port},127.0.0.1:{primary.Port};Username=postgres;Database=postgres;Target Session Attributes=primary";
        await using var b = LiveProcess.Start(same, "b", work);
        await a.UntilAsync(() => Task.FromResult(a.Completed + b.Completed >= Count / 6), "some are completed");
        await StandbyIsToldOfAsync(standby.Port);

        await primary.StopAtOnceAsync();
        var acknowledged = a.Completed + b.Completed;
        foreach (var process in (LiveProcess[])[a, b]) await process.HearAsync("[300]");
        await standby.PromoteAsync();
        Assert.InRange((long)(await standby.AskAsync("SELECT count(*) FROM numbers WHERE odd_success"))!, acknowledged, Count);
        go.SetResult();
        await a.UntilAsync(async () => await standby.AskAsync($"SELECT count(*) FROM numbers WHERE {LiveProcess.Right}") is (long)Count, "all are completed");

        Assert.Equal(Count, a.Completed + b.Completed);
        foreach (var process in (LiveProcess[])[a, b])
        {
            Assert.Equal((1, 0), (process.Said("[300]"), process.Said("[303]")));
            Assert.Equal(0, await process.StopAsync());
        }
    }

    /// <summary>Alone it is no use, whether or not the address asks for a primary; but one may look at it.</summary>
    private static async Task StandbyIsToldOfAsync(int port)
    {
        foreach (var wish in (string[])["", "?target_session_attrs=primary"])
        {
            var error = await ReadOnlyTests.RefusedAsync($"postgres://postgres@127.0.0.1:{port}/postgres{wish}");
            Assert.Contains("The server is a standby, which takes no changes. Give the address of the primary, or those of all servers", error, StringComparison.Ordinal);
        }
        var none = await ReadOnlyTests.RefusedAsync($"postgres://postgres@127.0.0.1:{port},127.0.0.1:{port}/postgres");
        Assert.Contains("None of the servers takes changes: each is a standby", none, StringComparison.Ordinal);

        var program = new PampaBuilder();
        LiveProcess.Numbers(1, Count)(program);
        var address = DatabaseAddress.Parse($"postgres://postgres@127.0.0.1:{port}/postgres");
        Assert.Contains(await Examination.OfProgramAsync(program, address, TestContext.Current.CancellationToken), f => f.Id == "server-standby");
        await using var cluster = await PampaCluster.OpenAsync(program, address, SchemaChanges.None, TestContext.Current.CancellationToken);
        Assert.Equal(Count, (await cluster.ReportAsync("odd", exact: true, TestContext.Current.CancellationToken)).Total);
    }
}
