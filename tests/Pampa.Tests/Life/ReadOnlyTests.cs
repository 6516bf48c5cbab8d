using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa.Tests.Life;

/// <summary>Servers that take no changes.</summary>
[Collection(OwnServer.Name)]
public sealed class ReadOnlyTests(GuardedServer server)
{
    private const int Count = 40;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>Begins as a program does that wants leases, and returns what is wrong.</summary>
    internal static async Task<string> RefusedAsync(string address)
    {
        var choice = await DatabaseChoice.Choose(address, null, _ => null).RecogniseAsync(Stopping);
        var dialect = choice.Address.Dialect;
        await using var database = new Database(dialect.Open(choice.Address.ConnectionString, "test", 1), dialect, TimeProvider.System, new Random(1));
        var preparation = new Preparation(database, choice.Address, SchemaChanges.Own, TimeProvider.System);
        return Assert.Single((await Assert.ThrowsAsync<PampaConfigurationException>(() => preparation.ConnectAsync(needsLeases: true, Stopping))).Errors);
    }

    [Fact]
    public async Task A_role_that_may_change_nothing_is_told_at_the_start_and_waited_for_later()
    {
        var database = await server.NewDatabaseAsync(GuardedServer.Shop);
        var url = server.Url(GuardedServer.Shop, database);
        const string Switch = $"ALTER ROLE {GuardedServer.Shop}";
        await server.Server.ExecuteAsync($"{Switch} SET default_transaction_read_only = on");
        try
        {
            var error = await RefusedAsync(url);
            Assert.StartsWith("Cannot use the database (PostgreSQL, host 127.0.0.1", error, StringComparison.Ordinal);
            Assert.Contains("Transactions are read-only on this server, by default_transaction_read_only", error, StringComparison.Ordinal);
            Assert.Contains("RESET it for the role (ALTER ROLE)", error, StringComparison.Ordinal);

            await server.Server.ExecuteAsync($"{Switch} RESET default_transaction_read_only");
            var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var work = LiveProcess.Numbers(4, Count, task => task.Get<long>("value") > Count / 2 ? go.Task : Task.CompletedTask);
            await using var process = LiveProcess.Start(url, "n1", work);
            await process.UntilAsync(() => Task.FromResult(process.Completed >= Count / 4), "some are completed");
            await server.Server.ExecuteAsync($"{Switch} SET default_transaction_read_only = on");
            await server.EndSessionsAsync(database);
            go.SetResult();
            await process.HearAsync("The server takes no changes: it is a standby, or default_transaction_read_only is on.");
            // Sessions that were begun meanwhile stay read-only for as long as they last.
            await server.Server.ExecuteAsync($"{Switch} RESET default_transaction_read_only");
            await process.UntilAsync(
                async () => await server.AskAsync<long>(database, $"SELECT count(*) FROM numbers WHERE {LiveProcess.Right}") == Count, "all are completed");
            Assert.Equal((Count, 1, 0), (process.Completed, process.Said("[300]"), process.Said("[303]")));
            Assert.Equal(0, await process.StopAsync());
        }
        finally
        {
            await server.Server.ExecuteAsync($"{Switch} RESET default_transaction_read_only");
        }
    }
}
