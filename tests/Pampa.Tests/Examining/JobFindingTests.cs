using Pampa.Storage;
using Pampa.Storage.Examination;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

public sealed class SqliteJobFindingTests : JobFindingTests
{
    private protected override Engine Engine => Engine.Sqlite;
}

public sealed class PostgreSqlJobFindingTests : JobFindingTests
{
    private protected override Engine Engine => Engine.PostgreSql;
}

public sealed class PortableJobFindingTests : JobFindingTests
{
    private protected override Engine Engine => Engine.Portable;
}

/// <summary>What is found of a job's table on every database.</summary>
public abstract class JobFindingTests : Examined
{
    private protected override TableProfile Profile => TableProfile.Numbers;

    // What CockroachDB spreads is an index like another to the server that stands in for it.
    private async Task AddIndexAsync(Action<JobBuilder>? configure = null)
    {
        foreach (var (_, index) in Schema.IndexesOf((await JobAsync(configure)).Table))
            await Db.ExecuteAsync(index.Replace(" USING HASH", "", StringComparison.Ordinal));
    }

    private string[] Keys(params int[] numbers) => [.. numbers.Select(n => Profile.KeyLiterals(n)[0])];

    [Fact]
    public async Task A_job_with_its_index_and_nothing_stuck_is_in_order()
    {
        await InsertAsync(1);
        await InsertAsync(2, "a.1", Now, 0);
        await InsertAsync(3, "a.1", Now, 1, Now);
        await InsertAsync(4, "a.1", Now, 1, Now, Now, true);
        await InsertAsync(5, null, Now.AddHours(9), 1);
        await AddIndexAsync();
        Assert.DoesNotContain(await FindAsync(), f => f.Where == "job job");
    }

    [Fact]
    public async Task A_missing_index_matters_more_the_more_records_there_are()
    {
        var few = await OneAsync("index-missing");
        Assert.Equal(FindingSeverity.Info, few.Severity);
        await FillAsync(Examiner.ManyRecords);
        var many = await OneAsync("index-missing");
        Assert.Equal((FindingSeverity.Warning, "job job"), (many.Severity, many.Where));
        Assert.Contains("CREATE INDEX", many.Remedy, StringComparison.Ordinal);
        // One of another name will do.
        await Db.ExecuteAsync($"CREATE INDEX mine ON numbers (value) WHERE {Profile.Columns.EndTime} IS NULL");
        None("index-missing", await FindAsync());
    }

    [Fact]
    public async Task Each_further_index_that_is_missing_is_told_with_its_statement()
    {
        static void Job(JobBuilder job)
        {
            job.InSequenceBy("note");
            job.RelaunchAfter = TimeSpan.FromMinutes(1);
        }
        async Task<List<Finding>> MissingAsync() => [.. (await FindAsync(Job)).Where(f => f.Id == "index-advised")];
        var indexes = Schema.IndexesOf((await JobAsync(Job)).Table).Skip(1).ToList();
        Assert.Equal(5, indexes.Select(i => i.Name).Distinct().Count());
        Assert.All(await MissingAsync(), f => Assert.Equal(FindingSeverity.Info, f.Severity));
        await FillAsync(Examiner.ManyRecords);
        var missing = await MissingAsync();
        // Only who lists failed records waits for the last one.
        Assert.Equal(4, missing.Count(f => f.Severity == FindingSeverity.Warning));
        foreach (var (name, index) in indexes)
        {
            var one = Assert.Single(missing, f => f.What.Contains($"'{name}'", StringComparison.Ordinal));
            Assert.Contains(index["CREATE INDEX ".Length..], one.Remedy.Replace("CONCURRENTLY ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
        await AddIndexAsync(Job);
        Assert.Empty(await MissingAsync());
    }

    [Fact]
    public async Task A_selection_whose_first_records_keep_it_from_those_that_are_due_is_told()
    {
        static void First(JobBuilder job) => job.Select($"SELECT value FROM numbers ORDER BY value LIMIT @n");
        for (var i = 1; i <= 20; i++) await InsertAsync(i, "a.1", Now, 1, Now, Now, true);
        await InsertAsync(21);
        var vain = await OneAsync("select-in-vain", First);
        Assert.Contains("The first 16 records that its Select names, asked for 16, cannot be reserved now (1; 2; 3, …), and others that are due stand behind them (21)", vain.What, StringComparison.Ordinal);
        Assert.Contains("\"odd_checking_end_time\" IS NULL", vain.Remedy, StringComparison.Ordinal);
        // One in a worker's hand makes room when it is done.
        await Db.ExecuteAsync($"UPDATE numbers SET {EndTime} = NULL WHERE value = 2");
        None("select-in-vain", await FindAsync(First));
        await Db.ExecuteAsync("DELETE FROM numbers WHERE value < 7");
        None("select-in-vain", await FindAsync(First));
        await Db.ExecuteAsync("DELETE FROM numbers WHERE value = 21");
        Assert.Contains("none of them will be reserved", (await OneAsync("select-in-vain", First)).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_selection_of_the_program_that_names_nothing_of_use_is_told()
    {
        await InsertAsync(1);
        await InsertAsync(2, "a.1", Now, 1, Now, Now, true);
        Assert.DoesNotContain(await FindAsync(job => job.Select(_ => ["1", "2"])), f => f.Id.StartsWith("select", StringComparison.Ordinal));
        var vain = await OneAsync("select-in-vain", job => job.Select($"SELECT value FROM numbers WHERE value > {1} LIMIT @n"));
        Assert.Contains("names 1 records and none of them will be reserved", vain.What, StringComparison.Ordinal);
        Assert.Contains("\"odd_checking_end_time\" IS NULL", vain.Remedy, StringComparison.Ordinal);
        Assert.Contains("for example null", (await OneAsync("select-no-keys", job => job.Select(_ => ["1", null!]))).What, StringComparison.Ordinal);
        Assert.Contains("no wind", (await OneAsync("snippet", job => job.Select((_, _) => throw new InvalidOperationException("no wind")))).What, StringComparison.Ordinal);
        Assert.Equal(FindingSeverity.Error, (await OneAsync("snippet", job => job.Select($"SELECT valeu FROM numbers LIMIT @n"))).Severity);
    }

    [Fact]
    public async Task A_selection_that_reads_or_sorts_the_whole_table_is_told()
    {
        await FillAsync(Examiner.ManyRecords);
        await InsertAsync(1_000_000, et: Now, ok: true);
        if (!Db.IsSqlite) await Db.ExecuteAsync("ANALYZE numbers");
        void Ordered(JobBuilder job) => job.OrderBy = $"score";
        var scan = await OneAsync("plan-scan", Ordered);
        Assert.Equal(FindingSeverity.Warning, scan.Severity);
        await AddIndexAsync();
        None("plan-scan", await FindAsync());
        if (Engine == Engine.Portable) return;
        var sort = await OneAsync("plan-sort", Ordered);
        Assert.Contains("an index on the columns of its OrderBy", sort.Remedy, StringComparison.Ordinal);
        await Db.ExecuteAsync($"CREATE INDEX ordered ON numbers (score, value) WHERE {EndTime} IS NULL");
        if (!Db.IsSqlite) await Db.ExecuteAsync("ANALYZE numbers");
        var findings = await FindAsync(Ordered);
        None("plan-sort", findings);
        None("plan-scan", findings);
    }

    [Fact]
    public async Task Each_way_in_which_a_record_can_be_stuck_is_told_with_its_key()
    {
        var long_ago = Now.AddHours(-3);
        await InsertAsync(1, "a.1", long_ago, 1, long_ago);
        await InsertAsync(2, "a.2", long_ago, 0);
        await InsertAsync(3, "b.1", Now.AddMinutes(-2), 0);
        await InsertAsync(4, n: 3);
        await InsertAsync(5, "a.1", Now.AddHours(2), 0);
        await InsertAsync(6, "a.1", Now, 1, Now.AddHours(1));
        await InsertAsync(7, "a.1", Now.AddMinutes(-2), 1, Now.AddMinutes(-2));
        var findings = await FindAsync();
        var overdue = One("task-overdue", findings);
        Assert.Equal(FindingSeverity.Error, overdue.Severity);
        Assert.Contains($"1 record ({Keys(1)[0]} (worker a.1)) run longer than MaxDuration (00:15:00)", overdue.What, StringComparison.Ordinal);
        Assert.Contains("the longest for 03:00:00", overdue.What, StringComparison.Ordinal);
        Assert.Contains("(2 (worker a.2))", One("task-not-started", findings).What, StringComparison.Ordinal);
        Assert.Contains("(3 (worker b.1))", One("task-unowned", findings).What, StringComparison.Ordinal);
        Assert.Contains("1 record (4)", One("task-exhausted", findings).What, StringComparison.Ordinal);
        Assert.Contains("2 records (5 (worker a.1); 6 (worker a.1))", One("time-in-future", findings).What, StringComparison.Ordinal);
        Assert.All(findings.TakeWhile(f => f.Severity == FindingSeverity.Error), f => Assert.NotEqual("", f.Remedy));
        None("task-orphaned", findings);

        await Db.Clock.AdvanceAsync(TimeSpan.FromMinutes(2));
        Assert.Contains("7 (worker a.1)", One("task-orphaned", await FindAsync()).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_stuck_records_are_told_once_with_the_first_keys()
    {
        for (var i = 1; i <= 5; i++) await InsertAsync(i, n: 3);
        Assert.Contains("5 records (1; 2; 3, …)", (await OneAsync("task-exhausted")).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ended_records_with_times_that_are_not_the_databases_are_told()
    {
        await InsertAsync(1, "a.1", Now, 1, Now.AddMinutes(-3), Now, true);
        None("odd-times", await FindAsync());
        await InsertAsync(2, "a.1", Now, 1, Now, Now.AddHours(-2), true);
        var zone = await OneAsync("odd-times");
        Assert.Contains("1 record (2) ended in the future, or before they started, by 02:00:00: as local time would be", zone.What, StringComparison.Ordinal);
        await InsertAsync(4, "a.1", Now, 1, Now.AddSeconds(-5), Now.AddHours(5.5), true);
        Assert.Contains("2 records (2; 4) ended in the future, or before they started, by 05:30:00: as", (await OneAsync("odd-times")).What, StringComparison.Ordinal);
        await InsertAsync(3, "a.1", Now, 1, Now, Now.AddMinutes(7), true);
        Assert.EndsWith("before they started.", (await OneAsync("odd-times")).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_condition_that_throws_or_does_not_fit_is_an_error()
    {
        var throws = await OneAsync("snippet", job => job.WhereEachCycle(() => throw new InvalidOperationException("no wind")));
        Assert.Equal(FindingSeverity.Error, throws.Severity);
        Assert.Contains("its Where throws InvalidOperationException: no wind", throws.What, StringComparison.Ordinal);
        Assert.Contains("nowhere", (await OneAsync("snippet", job => job.Where = $"nowhere > 1")).What, StringComparison.Ordinal);
        Assert.Contains("nowhere", (await OneAsync("snippet", job => job.OrderBy = $"nowhere")).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_looked_at_is_told_and_hides_nothing_else()
    {
        await InsertAsync(1, "a.1", Now.AddHours(-3), 1, Now.AddHours(-3));
        var store = await JobAsync();
        await Db.ExecuteAsync("DROP TABLE pampa_hold");
        var findings = await Examination(null, store).RunAsync(Stopping);
        var hidden = One("not-looked-at", findings);
        Assert.Equal((FindingSeverity.Info, "cluster"), (hidden.Severity, hidden.Where));
        Assert.Contains("pampa_hold", hidden.What, StringComparison.Ordinal);
        One("task-overdue", findings);
    }

    [Fact]
    public async Task The_names_of_the_control_tables_are_all()
    {
        var tables = await Db.ReadAsync(Db.IsSqlite
            ? "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'pampa_%'"
            : "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pampa_%' AND relname <> 'pampa_test_clock'");
        Assert.Equal(Schema.ControlTableNames.Order(StringComparer.Ordinal), tables.Select(t => (string)t[0]!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Nothing_is_changed_by_a_look()
    {
        await InsertAsync(1, "a.1", Now.AddHours(-3), 1, Now.AddHours(-3));
        var before = await Db.ReadAsync("SELECT * FROM numbers");
        await FindAsync();
        Assert.Equal(before, await Db.ReadAsync("SELECT * FROM numbers"));
        if (Db.IsSqlite) return;
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() =>
            Db.Database.LookAsync(unit => unit.ExecuteAsync(new Statement("UPDATE numbers SET note = 'x'")), Stopping));
    }
}
