using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The sample that moves money: whatever happens to its process, each transfer is made once and completely.</summary>
[Collection(OneByOne.Name)]
public sealed class TransferTests(ProgramFixture programs)
{
    private const string Transfer = "samples/transfer.cs";
    private const string Completed = "transfer_money_end_time IS NOT NULL AND transfer_money_success";

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task After_kills_in_the_middle_each_transfer_is_made_once(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, new Readiness(Transfer) { Own = ["SELECT, UPDATE ON accounts"] });
        Task<Child> StartAsync() => programs.StartAsync(Transfer, [.. database.Arguments, "--drain"], database.Environment);
        foreach (var many in (int[])[100, 300])
        {
            var killed = await StartAsync();
            await killed.UntilAsync(async () => await database.CountAsync(Completed, "transfers") >= many, $"{many} are completed");
            await killed.KillAsync();
            await CheckAsync(database);
        }
        var last = await StartAsync();

        // Whoever is killed in its only attempt may have failed by that.
        Assert.InRange(await last.EndAsync(), 0, 1);

        await CheckAsync(database);
        Assert.Equal(1_000, await database.CountAsync("transfer_money_end_time IS NOT NULL", "transfers"));
        Assert.InRange(await database.CountAsync(Completed, "transfers"), 900, 1_000);
        await database.NothingIsInjectedAsync("transfer_money", "transfers");
    }

    /// <summary>What is on each account is what the completed transfers have moved, no more and no less.</summary>
    private static async Task CheckAsync(NumbersDatabase database)
    {
        // One statement, so that it is of one moment.
        var accounts = await database.ReadAsync($"""
            SELECT a.id, a.balance - 1000
              - COALESCE((SELECT sum(t.amount) FROM transfers AS t WHERE t.to_account = a.id AND {Completed}), 0)
              + COALESCE((SELECT sum(t.amount) FROM transfers AS t WHERE t.from_account = a.id AND {Completed}), 0)
            FROM accounts AS a ORDER BY a.id
            """);
        Assert.Equal(10, accounts.Count);
        Assert.All(accounts, a => Assert.Equal(0, Convert.ToInt64(a[1], CultureInfo.InvariantCulture)));
    }
}
