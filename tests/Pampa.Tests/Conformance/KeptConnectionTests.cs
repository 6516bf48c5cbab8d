using System.Data.Common;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pampa.Storage;
using Pampa.Tests.EndToEnd;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Conformance;

/// <summary>The connection that is kept for the statement that new records wait for.</summary>
public sealed class KeptConnectionTests : IAsyncLifetime
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private TestDatabase Db { get; set; } = null!;

    public async ValueTask InitializeAsync() => Db = await TestDatabase.CreateAsync(Engine.PostgreSql, null);

    public ValueTask DisposeAsync() => Db.DisposeAsync();

    private static async Task<T> AskAsync<T>(Database database, string sql, Func<DbDataReader, T> map, params (string Name, object? Value)[] parameters)
    {
        var statement = new Statement(sql) { IsByKey = true, IsAwaited = true };
        foreach (var (name, value) in parameters) statement.With(name, value);
        return Assert.Single(await database.WriteAsync(statement, map, Stopping));
    }

    private Task<int> ServerAsync() => AskAsync(Db.Database, "SELECT pg_backend_pid()", row => row.GetInt32(0));

    // A connection that is closed is gone at the server a moment later.
    private async Task UntilGoneAsync(int server)
    {
        for (var tries = 0; ; tries++)
        {
            await using var command = Db.Own.CreateCommand($"SELECT count(*) FROM pg_stat_activity WHERE pid = {server}");
            if (await command.ExecuteScalarAsync(Stopping) is 0L) return;
            Assert.True(tries < 500, "The connection is still there.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Stopping);
        }
    }

    [Fact]
    public async Task It_is_one_whose_settings_stand_and_whose_statements_are_read_once()
    {
        const string Sql = "SELECT pg_backend_pid(), current_setting('enable_seqscan'), current_setting('lock_timeout'), @x::text FROM pg_prepared_statements AS p RIGHT JOIN (SELECT 1) AS one ON TRUE LIMIT 1";
        var all = new List<(int, string, string, string)>();
        for (var i = 0; i < 4; i++)
            all.Add(await AskAsync(Db.Database, Sql, row => (row.GetInt32(0), row.GetString(1), row.GetString(2), row.GetString(3)), ("x", "same")));
        Assert.Equal((all[0].Item1, "off", "200ms", "same"), Assert.Single(all.Distinct()));
        // By itself the driver calls those otherwise that it prepares.
        var prepared = await AskAsync(Db.Database, "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%pg_backend_pid(), current%'", row => row.GetString(0));
        Assert.StartsWith("_p", prepared, StringComparison.Ordinal);
        // What is set there is set nowhere else.
        Assert.Equal("on", Assert.Single(await Db.Database.QueryAsync(new Statement("SELECT current_setting('enable_seqscan')"), row => row.GetString(0), Stopping)));
    }

    [Fact]
    public async Task However_many_texts_have_come_once_the_next_that_comes_again_is_read_once()
    {
        for (var i = 0; i < 1_001; i++) Assert.Equal(i, await AskAsync(Db.Database, $"SELECT {i} AS once", row => row.GetInt32(0)));
        for (var i = 0; i < 3; i++) Assert.Equal("again", await AskAsync(Db.Database, "SELECT 'again' AS twice", row => row.GetString(0)));
        var prepared = await AskAsync(
            Db.Database, "SELECT string_agg(statement, '; ') FROM pg_prepared_statements WHERE left(name, 2) = '_p' AND statement LIKE '%twice'", row => row.GetString(0));
        Assert.Equal("SELECT 'again' AS twice", prepared);
    }

    [Fact]
    public async Task Other_settings_and_other_values_come_through()
    {
        await Db.ExecuteAsync($"ALTER DATABASE \"{Db.Name}\" SET synchronous_commit = 'on'");
        const string Sql = "SELECT coalesce(@x::text, 'none') || current_setting('statement_timeout') || current_setting('enable_seqscan') || current_setting('synchronous_commit')";
        async Task<string> SaidAsync(object? value, int seconds = 30, bool isByKey = true, bool isHint = false) => Assert.Single(await Db.Database.WriteAsync(
            new Statement(Sql) { IsByKey = isByKey, IsAwaited = true, EndsAfter = TimeSpan.FromSeconds(seconds), MayBeForgotten = isHint }.With("x", value),
            row => row.GetString(0), Stopping));
        Assert.Equal("a30soffon", await SaidAsync("a"));
        Assert.Equal("b30soffon", await SaidAsync("b"));
        Assert.Equal("none30soffon", await SaidAsync(null));
        Assert.Equal("none30soffon", await SaidAsync(null));
        Assert.Equal("c30soffon", await SaidAsync("c"));
        Assert.Equal("c5soffon", await SaidAsync("c", 5));
        // A commit that need not wait for the disk must not make the next one forgetful, too.
        Assert.Equal("c30soffoff", await SaidAsync("c", isHint: true));
        for (var i = 0; i < 3; i++) Assert.Equal("c30soffon", await SaidAsync("c"));
        Assert.Equal("d30sonon", await SaidAsync("d", isByKey: false));
    }

    [Fact]
    public async Task It_outlives_what_befalls_a_statement_and_what_was_set_for_that_is_not_left()
    {
        const string Settings = "SELECT pg_backend_pid() || current_setting('statement_timeout') || current_setting('datestyle')";
        var before = await AskAsync(Db.Database, Settings, row => row.GetString(0));
        Assert.EndsWith("30sISO, DMY", before, StringComparison.Ordinal);
        var wrong = new Statement("SELECT 1 / @x::int") { IsByKey = true, IsAwaited = true, EndsAfter = TimeSpan.FromSeconds(3) }.With("x", 0);
        var error = await Assert.ThrowsAsync<PostgresException>(() => Db.Database.WriteAsync(wrong, row => row.GetInt32(0), Stopping));
        Assert.Equal(wrong.Text, error.Data[Database.FailedStatement]);
        Assert.Equal(before, await AskAsync(Db.Database, Settings, row => row.GetString(0)));

        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Db.Database.WriteAsync(new Statement("SELECT 1 FROM pg_sleep(60)") { IsByKey = true, IsAwaited = true }, row => row.GetInt32(0), cancel.Token));
        Assert.NotEqual(before, await AskAsync(Db.Database, Settings, row => row.GetString(0)));
    }

    [Theory, InlineData(0), InlineData(3)]
    public async Task A_deadline_of_less_than_a_second_is_one(int before)
    {
        Task SleepAsync(double seconds) => Db.Database.WriteAsync(
            new Statement("SELECT 1 FROM pg_sleep(@x)") { IsByKey = true, IsAwaited = true, Deadline = TimeSpan.FromMilliseconds(300) }.With("x", seconds),
            row => row.GetInt32(0), Stopping);

        // What comes again is prepared, and has a deadline of its own.
        for (var i = 0; i < before; i++) await SleepAsync(0);
        var error = await Assert.ThrowsAnyAsync<DbException>(() => SleepAsync(10));
        Assert.IsType<TimeoutException>(error.InnerException);
    }

    [Fact]
    public async Task One_that_nobody_has_used_for_a_while_or_that_is_old_is_not_used_again()
    {
        var clock = new FakeTimeProvider();
        var dialect = new PostgreSqlDialect();
        await using var source = dialect.Open(Db.Source.ConnectionString, "kept", 1, keeps: true);
        await using var database = new Database(source, dialect, clock, new Random(1));
        Task<int> ThisAsync() => AskAsync(database, "SELECT pg_backend_pid()", row => row.GetInt32(0));
        var first = await ThisAsync();
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(first, await ThisAsync());
        clock.Advance(TimeSpan.FromSeconds(61));
        var second = await ThisAsync();
        Assert.NotEqual(first, second);
        await UntilGoneAsync(first);
        for (var i = 0; i < 60; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(59.9));
            Assert.Equal(second, await ThisAsync());
        }
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.NotEqual(second, await ThisAsync());
    }

    [Fact]
    public async Task After_its_end_there_is_another_one()
    {
        var second = await ServerAsync();
        await using (var command = Db.Own.CreateCommand($"SELECT pg_terminate_backend({second}, 30000)")) Assert.Equal(true, await command.ExecuteScalarAsync(Stopping));
        var error = await Assert.ThrowsAnyAsync<Exception>(ServerAsync);
        Assert.Equal(ErrorKind.Infrastructure, Db.Database.Dialect.Classify(error));
        Assert.NotEqual(second, await ServerAsync());
    }

    [Fact]
    public async Task A_column_that_changes_its_type_is_read_as_it_is()
    {
        await Db.ExecuteAsync("CREATE TABLE kept (x integer)");
        await Db.ExecuteAsync("INSERT INTO kept VALUES (7)");
        for (var i = 0; i < 3; i++) Assert.Equal(7, await AskAsync(Db.Database, "SELECT x FROM kept", row => row.GetValue(0)));
        await Db.ExecuteAsync("ALTER TABLE kept ALTER COLUMN x TYPE text");
        for (var i = 0; i < 3; i++) Assert.Equal("7", await AskAsync(Db.Database, "SELECT x FROM kept", row => row.GetValue(0)));
    }

    [Fact]
    public async Task Two_at_a_time_have_one_each_and_one_is_kept()
    {
        Task<int> SlowAsync() => AskAsync(Db.Database, "SELECT pg_backend_pid() FROM pg_sleep(0.3)", row => row.GetInt32(0));
        int[] both = [.. await Task.WhenAll(SlowAsync(), SlowAsync())];
        Assert.NotEqual(both[0], both[1]);
        var kept = await ServerAsync();
        Assert.Contains(kept, both);
        await UntilGoneAsync(both.Single(server => server != kept));
        Db.Database.LetGo();
        await UntilGoneAsync(kept);
        Assert.NotEqual(kept, await ServerAsync());
    }

    [Fact]
    public async Task With_it_there_is_one_connection_more_and_behind_a_pooler_there_is_none()
    {
        var dialect = new PostgreSqlDialect();
        var counted = new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { ApplicationName = "counted" }.ConnectionString;
        await using (var source = dialect.Open(counted, "counted", 2, keeps: true))
        await using (var database = new Database(source, dialect, TimeProvider.System, new Random(1)))
        {
            await Task.WhenAll(Enumerable.Range(0, 6).Select<int, Task>(i => i == 0
                ? AskAsync(database, "SELECT 1 FROM pg_sleep(0.2)", row => row.GetInt32(0))
                : Task.Run(() => database.QueryAsync(new Statement("SELECT 1 FROM pg_sleep(0.05)"), row => row.GetInt32(0), Stopping))));
            await using var command = Db.Own.CreateCommand("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'counted%' AND datname = current_database()");
            Assert.Equal(3L, await command.ExecuteScalarAsync(Stopping));
        }

        var folder = Directory.CreateTempSubdirectory("pampa-pooler-");
        try
        {
            await using var pooler = await Pooler.StartAsync(folder.FullName);
            // A pooler takes none of these.
            var address = pooler.Settings(new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { Options = null }.ConnectionString);
            await using var source = dialect.Open(address, "pooled", 2, keeps: true);
            await using var database = new Database(source, dialect, TimeProvider.System, new Random(1));
            for (var i = 0; i < 4; i++) Assert.Equal("off", await AskAsync(database, "SELECT current_setting('enable_seqscan')", row => row.GetString(0)));
            Assert.True(((PreparingDataSource)source).IsPooled);
            Assert.Equal("on", Assert.Single(await database.QueryAsync(new Statement("SELECT current_setting('enable_seqscan')"), row => row.GetString(0), Stopping)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
