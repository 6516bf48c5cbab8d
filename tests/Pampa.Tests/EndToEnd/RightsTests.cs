using Npgsql;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>Processes as roles that have what <c>migrate</c> prints for what they do; and for whom, and where, it is another time of the day.</summary>
public sealed class RightsTests(ProgramFixture programs)
{
    private static readonly (string, string)[] Elsewhere = [("TZ", "Pacific/Kiritimati"), ("PGTZ", "America/St_Johns")];

    private static (string, string)[] As(NumbersDatabase database, NpgsqlConnectionStringBuilder user) => [.. database.EnvironmentOf(user), .. Elsewhere];

    private async Task<string> SayAsync(int code, string program, IEnumerable<string> arguments, params (string, string)[] environment)
    {
        var child = await programs.StartAsync(program, arguments, environment);
        Assert.True(code == await child.EndAsync(), child.Said);
        return child.Said;
    }

    [Theory, InlineData(nameof(Engine.PostgreSql)), InlineData(nameof(Engine.Portable))]
    public async Task A_dispatcher_and_a_node_need_no_more_than_is_printed_for_each(string engine)
    {
        // Its owner's: what is printed for each of two roles, and not for one that does everything, is what this is about.
        await using var database = await NumbersDatabase.CreateAsync(Enum.Parse<Engine>(engine), programs);
        var server = await PostgresCluster.GetAsync(Enum.Parse<Engine>(engine));
        var (dispatching, working) = (await server.NewUserAsync(), await server.NewUserAsync());
        await SayAsync(0, ProgramFixture.Numbers, ["migrate"], database.Environment);
        foreach (var (role, part) in ((string, RightsFor)[])[(dispatching.Username!, RightsFor.Dispatching), (working.Username!, RightsFor.Working)])
        {
            var printed = await SayAsync(0, ProgramFixture.Numbers, ["migrate", "--dry-run", "--json", "--role", role], database.Environment);
            await database.GrantAsync(printed, role, RightsFor.Anything, part);
        }
        try
        {
            var dispatcher = await programs.StartAsync(ProgramFixture.Numbers, ["dispatcher"], As(database, dispatching));
            await dispatcher.HearAsync("This process leads 'cluster' in term 1");
            var node = await programs.StartAsync(ProgramFixture.Numbers, ["node", "--name", "a", "--workers", "4"], As(database, working));
            await node.UntilAsync(async () => await database.CountAsync(NumbersDatabase.Completed) == 100_000, "all numbers are completed");
            await database.AllAreRightAsync();
            foreach (var process in (Child[])[node, dispatcher])
            {
                process.Terminate();
                Assert.Equal(0, await process.EndAsync());
                Assert.DoesNotContain("permission", process.Said, StringComparison.Ordinal);
            }
            // The other one's work needs the other one's rights.
            if (engine != nameof(Engine.PostgreSql)) return;
            var refused = await SayAsync(2, ProgramFixture.Numbers, ["node", "--name", "b"], As(database, dispatching));
            Assert.Contains($"GRANT INSERT, UPDATE ON \"public\".\"pampa_worker\" TO {dispatching.Username}.", refused, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var role in (string?[])[dispatching.Username, working.Username]) await database.ExecuteAsync($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Times_are_those_of_the_database_in_UTC_wherever_a_process_and_its_role_are()
    {
        // A role that may everything: the run makes what it needs by itself, and what this is about is the time.
        await using var database = await NumbersDatabase.CreateAsync(onSqlite: false, programs);
        await database.ExecuteAsync("""
            CREATE TABLE numbers (value bigint PRIMARY KEY, is_odd boolean, odd_checking_reservation_id text, odd_checking_reservation_time timestamp,
              odd_checking_reservation_times integer, odd_checking_start_time timestamp, odd_checking_end_time timestamp, odd_checking_success boolean,
              odd_checking_error_description text);
            INSERT INTO numbers (value) SELECT generate_series(1, 300);
            -- One hour ahead in UTC, and one behind: to be left alone, and done.
            UPDATE numbers SET odd_checking_reservation_time = (now() AT TIME ZONE 'UTC') + interval '1 hour' WHERE value = 1;
            UPDATE numbers SET odd_checking_reservation_time = (now() AT TIME ZONE 'UTC') - interval '1 second' WHERE value = 2
            """);
        var role = await (await PostgresCluster.GetAsync()).NewUserAsync();
        await database.ExecuteAsync($"ALTER ROLE {role.Username} SUPERUSER");
        var run = await programs.StartAsync(ProgramFixture.Cases, ["run", "--drain", "--drain-horizon", "60"], [.. As(database, role), ("PAMPA_TEST_CASE", "plain")]);
        Assert.True(await run.EndAsync() == 0, run.Said);
        Assert.Equal(299, await database.CountAsync(NumbersDatabase.Completed));
        Assert.Equal(1, await database.CountAsync("value = 1 AND odd_checking_reservation_times IS NULL"));
        const string now = "(now() AT TIME ZONE 'UTC')";
        Assert.Equal(299, await database.CountAsync($"odd_checking_end_time BETWEEN {now} - interval '3 minutes' AND {now} AND odd_checking_start_time BETWEEN odd_checking_reservation_time AND odd_checking_end_time"));
        await database.ExecuteAsync($"DROP OWNED BY {role.Username} CASCADE; DROP ROLE {role.Username}");
    }
}
