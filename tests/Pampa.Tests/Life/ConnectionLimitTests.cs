using System.Data.Common;
using Npgsql;
using Pampa.Storage;

namespace Pampa.Tests.Life;

/// <summary>A server whose connections are taken by others.</summary>
[Collection(OwnServer.Name)]
public sealed class ConnectionLimitTests(GuardedServer server)
{
    private const int Processes = 5;
    private const int Workers = 10;
    private const int Count = 1_000;

    /// <summary>Other programs, which take what they can get.</summary>
    private sealed class Others(string settings) : IAsyncDisposable
    {
        private readonly Stack<NpgsqlConnection> held = new();

        public async Task TakeAllAsync()
        {
            try
            {
                while (held.Count < 2 * GuardedServer.Connections)
                {
                    var connection = new NpgsqlConnection(settings);
                    await connection.OpenAsync(TestContext.Current.CancellationToken);
                    held.Push(connection);
                }
            }
            catch (DbException)
            {
                // No more are to be had.
            }
        }

        public async Task LeaveAsync(int count)
        {
            for (; count > 0 && held.Count > 0; count--) await held.Pop().DisposeAsync();
        }

        public async ValueTask DisposeAsync() => await LeaveAsync(held.Count);
    }

    private async Task<string[]> SessionsAsync(string database) => (await server.AskAsync<string>("postgres", $"""
        SELECT COALESCE(string_agg(name || ' ' || n, ','), '') FROM (SELECT application_name AS name, count(*) AS n FROM pg_stat_activity
        WHERE datname = '{database}' AND application_name LIKE 'pampa/%' GROUP BY 1) AS s
        """)).Split(',', StringSplitOptions.RemoveEmptyEntries);

    [Fact]
    public async Task Fifty_workers_wait_for_connections_that_others_have_and_no_attempt_is_charged()
    {
        var database = await server.NewDatabaseAsync(GuardedServer.Shop);
        var address = DatabaseAddress.Parse(server.Url(GuardedServer.Shop));
        await using var others = new Others($"{address.ConnectionString};Pooling=false;Application Name=others");
        await others.TakeAllAsync();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = LiveProcess.Numbers(Workers, Count, task => task.Get<long>("value") > Count / 2 ? go.Task : Task.CompletedTask);
        var processes = Enumerable.Range(1, Processes).Select(i => LiveProcess.Start(server.Url(GuardedServer.Shop, database), $"n{i}", work)).ToList();
        try
        {
            foreach (var process in processes) await process.HearAsync("lets nobody in just now");
            await others.LeaveAsync(Processes * 7);
            await UntilAsync(processes, database, Count / 4);
            List<string> sessions = [];
            // Some may have done that much before the others were let in.
            await processes[0].UntilAsync(async () =>
            {
                sessions = [.. await SessionsAsync(database)];
                return Enumerable.Range(1, Processes).All(i => sessions.Exists(s => s.StartsWith($"pampa/pampa/n{i}/heartbeat ", StringComparison.Ordinal)));
            }, "their heartbeats have sessions of their own");
            // One of them leads.
            Assert.InRange(sessions.Count(s => s.EndsWith("/reserve 1", StringComparison.Ordinal)), 0, 1);
            bool IsOfAll(string session) => !session.Contains("/handlers ", StringComparison.Ordinal) && !session.Contains("/reserve ", StringComparison.Ordinal);
            foreach (var own in sessions.Where(IsOfAll).GroupBy(s => s.Split('/', ' ')[2]))
                Assert.InRange(own.Sum(s => int.Parse(s.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)), 1, 5);

            // All of them are thrown out while each of their workers has a task, and others are quicker.
            for (var round = 0; round < 3; round++)
            {
                await others.TakeAllAsync();
                await server.EndSessionsAsync(database);
            }
            await others.TakeAllAsync();
            foreach (var process in processes) await process.HearAsync("[300]");
            go.SetResult();
            await others.LeaveAsync(Processes * 7);
            await UntilAsync(processes, database, Count);
            Assert.Equal(Count, processes.Sum(p => p.Completed));
            foreach (var process in processes) await process.HearAsync("[302]");
            // One line for each change of its state, however often those are: on a busy computer a process may get in between two rounds.
            Assert.All(processes, p => Assert.Equal((1, p.Said("[302]"), 0), (p.Said("lets nobody in just now"), p.Said("[300]"), p.Said("[303]"))));
            Assert.All(processes, p => Assert.InRange(p.Said("[300]"), 1, 4));
            foreach (var process in processes) Assert.Equal(0, await process.StopAsync());
        }
        finally
        {
            go.TrySetResult();
            foreach (var process in processes) await process.DisposeAsync();
        }
    }

    private Task UntilAsync(List<LiveProcess> processes, string database, int count) => processes[0].UntilAsync(
        // The state columns come one by one.
        async () => await server.AskAsync<long>(database, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'numbers' AND column_name LIKE 'odd%'") == 7
            && await server.AskAsync<long>(database, $"SELECT count(*) FROM numbers WHERE {LiveProcess.Right}") >= count, $"{count} are completed");

    [Fact]
    public async Task Who_only_looks_is_told_at_once_and_what_to_do()
    {
        await using var others = new Others($"{DatabaseAddress.Parse(server.Url(GuardedServer.Shop)).ConnectionString};Pooling=false");
        await others.TakeAllAsync();
        var error = await ReadOnlyTests.RefusedAsync(server.Url(GuardedServer.Shop));
        Assert.Contains("53300: ", error, StringComparison.Ordinal);
        Assert.Contains("raise the limit (max_connections, CONNECTION LIMIT)", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_address_may_allow_handlers_fewer_connections()
    {
        var address = DatabaseAddress.Parse(server.Url(GuardedServer.Shop, parameters: "Maximum%20Pool%20Size=2&Timeout=1"));
        await using var source = address.Dialect.OpenPlain(address.ConnectionString, "handlers", 14);
        await using var first = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var second = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<NpgsqlException>(async () => await source.OpenConnectionAsync(TestContext.Current.CancellationToken));
        Assert.Contains("pool has been exhausted", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_leads_no_more_lets_go_of_the_connection_that_he_reserves_with()
    {
        var database = await server.NewDatabaseAsync(GuardedServer.Shop);
        await using var process = LiveProcess.Start(server.Url(GuardedServer.Shop, database), "n1", LiveProcess.Numbers(2, 20));
        async Task<bool> HasOneAsync() => (await SessionsAsync(database)).Contains("pampa/pampa/n1/reserve 1");
        await process.UntilAsync(HasOneAsync, "the leader has a connection to reserve with");
        await server.AskAsync<long>(database, "WITH l AS (UPDATE pampa_lease SET holder = 'somebody', term = term + 1, expires_at = now() + interval '1 hour' RETURNING 1) SELECT count(*) FROM l");
        await process.UntilAsync(async () => !await HasOneAsync(), "it lets it go");
        Assert.Equal(0, await process.StopAsync());
    }
}
