using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The sample that takes a credit with each start and gives it back: whatever happens to its process, none is lost and none is made.</summary>
public sealed class CreditTests(ProgramFixture programs)
{
    private const string Credits = "samples/credits.cs";
    private const string Completed = "send_messages_end_time IS NOT NULL AND send_messages_success";

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Restarting)]
    internal async Task After_a_kill_in_the_middle_each_credit_is_where_it_belongs(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, new Readiness(Credits) { Own = ["SELECT, UPDATE ON clients"] });
        Task<Child> StartAsync() => programs.StartAsync(Credits, [.. database.Arguments, "--drain"], database.Environment);
        var killed = await StartAsync();
        await killed.UntilAsync(async () => await database.CountAsync(Completed, "messages") >= 200, "some are sent");
        await killed.KillAsync();
        await CheckAsync(database);
        var last = await StartAsync();

        // A fifth of all statements begin anew there, and a start with its hooks is five of them, one start after the other.
        Assert.Equal(0, await last.EndAsync(TimeSpan.FromMinutes(5)));

        await CheckAsync(database);
        Assert.Equal(1_000, await database.CountAsync($"{Completed} AND is_sent", "messages"));
        Assert.Equal(10, await database.CountAsync("credits = 0", "clients"));
        await database.NothingIsInjectedAsync("send_messages", "messages");
    }

    /// <summary>What a client has and what its messages have cost is what it had.</summary>
    private static async Task CheckAsync(NumbersDatabase database)
    {
        var clients = await database.ReadAsync($"""
            SELECT c.id, c.credits + (SELECT count(*) FROM messages AS m WHERE m.client_id = c.id AND m.send_messages_start_time IS NOT NULL)
            FROM clients AS c ORDER BY c.id
            """);
        Assert.Equal(10, clients.Count);
        Assert.All(clients, c => Assert.Equal(100, Convert.ToInt64(c[1], CultureInfo.InvariantCulture)));
    }
}
