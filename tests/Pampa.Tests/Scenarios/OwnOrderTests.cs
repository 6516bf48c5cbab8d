using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Jobs with an order of their own go round what is locked or refused, and keep their order.</summary>
public sealed class OwnOrderTests
{
    private const string Priority = "priority";
    private const string Due = "due";
    private const string OrderBy = "order by";

    public static TheoryData<string, string> Orders
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var engine in (Engine[])[Engine.Sqlite, Engine.PostgreSql, Engine.Portable])
            {
                foreach (var order in (string[])[Priority, Due, OrderBy]) data.Add(engine.ToString(), order);
            }
            return data;
        }
    }

    private static async Task<TestCluster> ClusterAsync(string engine, int records)
    {
        var cluster = await TestCluster.CreateAsync(Enum.Parse<Engine>(engine));
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN urgency int");
        await cluster.Db.ExecuteAsync("ALTER TABLE numbers ADD COLUMN due_at timestamp");
        await cluster.InsertAsync(records);
        // The later ones first, whatever says so.
        await cluster.Db.ExecuteAsync("UPDATE numbers SET urgency = -value");
        for (var value = 1; value <= records; value++)
            await cluster.Db.ExecuteAsync($"UPDATE numbers SET due_at = '2020-01-01 {23 - value / 60:00}:{59 - value % 60:00}:00' WHERE value = {value}");
        return cluster;
    }

    private static Action<JobBuilder> Ordered(string order, Action<JobBuilder>? more = null) => job =>
    {
        if (order == Priority) job.PriorityColumn = "urgency";
        else if (order == Due) job.DueColumn = "due_at";
        else job.OrderBy = $"value DESC";
        job.Process(_ => { });
        more?.Invoke(job);
    };

    private static async Task RefuseAsync(TestCluster cluster, string which)
    {
        if (cluster.Db.IsSqlite)
        {
            await cluster.Db.ExecuteAsync($"CREATE TRIGGER refuse BEFORE UPDATE ON numbers WHEN {which} AND NEW.odd_checking_reservation_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'not this one'); END");
            return;
        }
        await cluster.Db.ExecuteAsync($"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {which} AND NEW.odd_checking_reservation_id IS NOT NULL THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$");
        await cluster.Db.ExecuteAsync("CREATE TRIGGER refuse BEFORE UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION refuse()");
    }

    private static Task AllowAsync(TestCluster cluster) => cluster.Db.ExecuteAsync($"DROP TRIGGER refuse{(cluster.Db.IsSqlite ? "" : " ON numbers")}");

    private static async Task<int> CompletedAsync(TestCluster cluster) => (await cluster.RowsAsync()).Count(r => r.IsCompleted);

    [Theory, MemberData(nameof(Orders))]
    public async Task A_record_whose_reservation_is_refused_is_gone_round(string engine, string order)
    {
        await using var cluster = await ClusterAsync(engine, 20);
        await RefuseAsync(cluster, "NEW.value = 18");
        var process = await cluster.StartAsync(Ordered(order), workers: 1);
        await cluster.UntilAsync(async () => await CompletedAsync(cluster) == 19, "the others are completed", 100);

        Assert.Equal(Enumerable.Range(1, 20).Where(v => v != 18).Reverse().Select(v => (long)v), cluster.Calls.Select(c => c.Key));
        Assert.True((await cluster.RowAsync(18)).IsFree);
        Assert.Equal((0, false), (process.Outages, process.Lane.Load.IsSuspended));
        Assert.Contains("record 18 is gone round for 10 s", Assert.Single(process.Lines, line => line.Contains("gone round", StringComparison.Ordinal)), StringComparison.Ordinal);
        // New ones are found while it is gone round, and it is found itself when the rule is gone.
        await cluster.InsertAsync(5, first: 21);
        process.Dispatcher.Wake();
        await cluster.UntilAsync(async () => await CompletedAsync(cluster) == 24, "the new ones are completed", 50);
        await AllowAsync(cluster);
        await cluster.LiveAsync(41);
        await cluster.UntilEndedAsync(maxRounds: 100);
        Assert.Equal(25, cluster.Calls.Count);
    }

    [Theory, InlineData(Engine.PostgreSql, Priority), InlineData(Engine.Portable, Priority), InlineData(Engine.Portable, OrderBy)]
    internal async Task Neighbours_of_a_locked_record_are_reserved_in_order_and_it_comes_later(Engine engine, string order)
    {
        await using var cluster = await ClusterAsync(engine.ToString(), 50);
        var process = await cluster.StartAsync(Ordered(order), workers: 8);
        // As if each wait for a lock took long: all of a pass's time goes with finding the first record.
        process.Faults.Note(TestProcess.Reserve, () => cluster.Time.Advance(TimeSpan.FromMilliseconds(250)));
        await using (await LockedRowTests.Holder.HoldAsync(cluster, "value = 50"))
        {
            await cluster.UntilAsync(async () => await CompletedAsync(cluster) == 49, "its neighbours are completed", 40);
            Assert.True((await cluster.RowAsync(50)).IsFree);
            Assert.False(process.Lane.Load.IsSuspended);
        }
        process.Faults.Clear();
        await cluster.LiveAsync(11);
        await cluster.UntilEndedAsync(maxRounds: 50);
        Assert.Equal(50, cluster.Calls.Count);
    }

    [Theory, InlineData(Engine.Sqlite, Priority), InlineData(Engine.PostgreSql, OrderBy)]
    [InlineData(Engine.Portable, Priority), InlineData(Engine.Portable, OrderBy)]
    internal async Task Those_behind_a_refused_record_of_their_sequence_wait_for_it(Engine engine, string order)
    {
        await using var cluster = await ClusterAsync(engine.ToString(), 12);
        await cluster.Db.ExecuteAsync("UPDATE numbers SET note = CASE value % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END");
        await RefuseAsync(cluster, "NEW.value = 9");
        await cluster.StartAsync(Ordered(order, job => job.InSequenceBy("note")), workers: 4);
        await cluster.UntilAsync(async () => await CompletedAsync(cluster) == 9, "the other sequences are done", 100);
        Assert.Equal([12L], cluster.Calls.Where(c => c.Key % 3 == 0).Select(c => c.Key));
        foreach (var rest in (int[])[1, 2])
            Assert.Equal([9L + rest, 6 + rest, 3 + rest, rest], cluster.Calls.Where(c => c.Key % 3 == rest).Select(c => c.Key));

        await AllowAsync(cluster);
        await cluster.LiveAsync(81);
        await cluster.UntilEndedAsync(maxRounds: 200);
        Assert.Equal([12L, 9, 6, 3], cluster.Calls.Where(c => c.Key % 3 == 0).Select(c => c.Key));
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql)]
    internal async Task A_rule_that_refuses_every_record_costs_a_few_lines_and_no_haste(Engine engine)
    {
        const int records = 100;
        await using var cluster = await ClusterAsync(engine.ToString(), records);
        await RefuseAsync(cluster, "TRUE");
        var process = await cluster.StartAsync(Ordered(Priority));
        var statements = 0;
        process.Faults.Note(TestProcess.Reserve, () => statements++);
        for (var second = 0; second < 100; second++)
        {
            for (var i = 0; i < 2_000 && await process.DispatchAsync(); i++)
            {
            }
            await cluster.LiveAsync(1);
        }

        // Each is tried a few times, and ever more seldom.
        Assert.InRange(statements, records, 12 * records);
        Assert.InRange(process.Lines.Count(line => line.Contains("gone round", StringComparison.Ordinal)), 2, 8);
        Assert.Equal((0, false), (process.Outages, process.Lane.Load.IsSuspended));
        Assert.All(await cluster.RowsAsync(), row => Assert.True(row.IsFree));
    }
}
