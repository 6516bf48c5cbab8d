using System.Collections;
using System.Text.Json;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>What a handler sets is what the next attempt reads.</summary>
public abstract partial class StoreConformance
{
    private enum Mood
    {
        Sad,
        Happy = 7,
    }

    /// <summary>Every character that some layer might treat in a way of its own.</summary>
    private const string Nasty = "'\"\\/{}[](),;:@$#%?*|&<>!-- /* \r\n\t\b\f\v\u0001\u001f\u007f\u0085\u00a0\u200b\u2028\ufeff\uffff é 🦙 \\u0041 null NULL $1 @max ";

    private static readonly DateTime Moment = new(2031, 2, 3, 4, 5, 6, 789, DateTimeKind.Utc);

    private static IEnumerable<(string Type, object? Value)> Values =>
    [
        ("boolean", true), ("boolean", false), ("int", 0), ("int", int.MinValue), ("bigint", long.MaxValue), ("bigint", 9007199254740993L),
        ("smallint", (short)-5), ("int", (byte)200), ("bigint", 4_000_000_000u), ("bigint", 77UL), ("int", (sbyte)-7),
        ("double precision", 0.1), ("double precision", -1e300), ("double precision", double.Epsilon), ("double precision", 3.0),
        ("real", 1.5f), ("numeric", 12345.6789m), ("numeric", -0.5m), ("numeric(10, 2)", 1.25m),
        ("text", ""), ("text", " "), ("text", "plain"), ("text", Nasty), ("text", "007"), ("text", "1e5"), ("text", "{\"b\":\"00\"}"), ("text", "[1]"),
        ("varchar(20)", "n'ice \"one\""), ("text", 'x'), ("text", '\''), ("text", new string('y', 100_000)),
        ("timestamp", Moment), ("timestamp", new DateTimeOffset(Moment).ToOffset(TimeSpan.FromHours(5))), ("timestamptz", Moment),
        ("timestamptz", new DateTimeOffset(Moment).ToOffset(TimeSpan.FromHours(-3))), ("date", new DateOnly(2031, 2, 3)), ("date", DateOnly.MinValue),
        ("time", new TimeOnly(4, 5, 6, 789)), ("time", new TimeSpan(4, 5, 6)), ("text", Guid.Parse("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("uuid", Guid.Parse("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")), ("int", Mood.Happy), ("text", Mood.Happy), ("bigint", Mood.Sad), ("numeric", Mood.Happy),
        ("text", new Version(1, 2, 3)), ("text", System.Net.IPAddress.Parse("::1")), ("text", new Uri("https://example.org/a?b=c")), ("text", new TimeSpan(1, 2, 3, 4)),
    ];

    private static IEnumerable<(string Type, object? Value)> ValuesOfSqlite =>
    [
        ("blob", new byte[] { 0, 255, 39 }), ("blob", Array.Empty<byte>()), ("blob", "text in a blob column"), ("any", 5L), ("any", "5"), ("any", 2.0),
         ("any", new byte[] { 1 }), ("text", "a\0b"), ("numeric", 3L), ("text", JsonDocument.Parse("{\"a\":[1,null,\"x'\"]}").RootElement),
    ];

    private static IEnumerable<(string Type, object? Value)> ValuesOfPostgreSql =>
    [
        ("bytea", new byte[] { 0, 255, 39 }), ("bytea", Array.Empty<byte>()), ("int[]", new[] { 1, -2, 3 }), ("int[]", Array.Empty<int>()),
        ("text[]", new[] { "a", "", "NULL", "q\"uote\\", "{}", ",", Nasty }), ("bigint[]", new[] { long.MaxValue }), ("boolean[]", new[] { true, false }),
        ("double precision[]", new[] { 0.1, 3 }), ("uuid[]", new[] { Guid.Empty }), ("text[]", new[] { "a", null }),
        ("jsonb", "{\"a\": [1, null, \"x'\"]}"), ("jsonb", JsonDocument.Parse("{\"a\": 1}").RootElement), ("json", "[1,2]"),
        ("interval", new TimeSpan(3, 4, 5, 6, 7)), ("interval", TimeSpan.FromTicks(-10)), ("double precision", double.NaN), ("real", float.PositiveInfinity),
        ("numeric", 79228162514264337593543950335m), ("mood", "very happy"), ("inet", "10.0.0.1/32"), ("inet", System.Net.IPAddress.Parse("10.0.0.1")), ("timestamptz", Moment.AddTicks(10)),
    ];

    [Fact]
    public async Task Every_value_that_a_handler_may_set_comes_back()
    {
        if (!Db.IsSqlite) await Db.ExecuteAsync("CREATE TYPE mood AS ENUM ('sad', 'very happy')");
        var values = Values.Concat(Db.IsSqlite ? ValuesOfSqlite : ValuesOfPostgreSql).ToList();
        var types = values.Select(v => v.Type).Distinct().ToList();
        await Db.ExecuteAsync($"CREATE TABLE kept (id int PRIMARY KEY, {StateOfKeyed}, {string.Join(", ", types.Select((t, i) => $"c{i} {t}"))})");
        var store = await StoreOfAsync("kept");
        var task = Assert.Single(await InsertedAsync(store, "INSERT INTO kept (id) VALUES (1)"));
        var failures = new List<string>();
        foreach (var (type, value) in values)
        {
            try
            {
                var column = store.Table.WritableColumn($"c{types.IndexOf(type)}");
                task = await SetAsync(store, task, column, value);
                var read = ValueConverter.To(value!.GetType(), task.Values[column]);
                if (AreEqual(value, read)) continue;
                var raw = task.Values[column];
                failures.Add($"{type}: set {value} ({value.GetType().Name}), read {read} from {raw} ({raw?.GetType().Name})");
                task = await SetAsync(store, task, column, null);
                if (task.Values[column] is not null) failures.Add($"{type}: null did not come back");
            }
            catch (Exception e)
            {
                failures.Add($"{type} {value} ({value!.GetType().Name}): {e.GetType().Name}: {e.Message}");
                task = Assert.Single(await StartAsync(await RereservedAsync(store, task), store));
            }
        }
        if (failures.Count > 0) Assert.Fail(string.Join("\n", failures));
    }

    private async Task<List<Reservation>> RereservedAsync(TaskStore store, StartedTask task)
    {
        await Ticked(store.FinishAsync([new TaskResult(task.Fence, Outcome.Forgiven)], skipLocked: false, Stopping));
        return await ReserveAsync(1, store: store);
    }

    private async Task<TaskStore> StoreOfAsync(string table)
    {
        var errors = new List<string>();
        var resolved = await new Schema(Db.Database).ResolveAsync(Definition(errors, table, ["id"], j => j.Columns = KeyedColumns)!, errors, Stopping);
        Assert.Empty(errors);
        await Db.GrantAsync(resolved!);
        return new TaskStore(Db.Database, resolved!, Cluster, new Random(1));
    }

    private async Task<List<StartedTask>> InsertedAsync(TaskStore store, string insert)
    {
        await Db.ExecuteAsync(insert);
        return [.. (await StartAsync(await ReserveAsync(100, store: store), store)).OrderBy(t => Shown(t.Fence.Key), StringComparer.Ordinal)];
    }

    private async Task<StartedTask> SetAsync(TaskStore store, StartedTask task, int column, object? value)
    {
        var encoded = Db.Database.Dialect.Encode(value, store.Table.RecordColumns[column]);
        var result = new TaskResult(task.Fence, Outcome.Snoozed, Changes: new ColumnChanges(store.Table, [column], [encoded]));
        Assert.Single(await Ticked(store.FinishAsync([result], skipLocked: false, Stopping)));
        return Assert.Single(await StartAsync(await ReserveAsync(1, store: store), store));
    }

    private static bool AreEqual(object? set, object? read) => (set, read) switch
    {
        (JsonElement a, JsonElement b) => JsonElement.DeepEquals(a, b),
        (DateTime a, DateTime b) => a == b,
        (string, _) or (_, string) => Equals(set, read),
        (IEnumerable a, IEnumerable b) => a.Cast<object?>().SequenceEqual(b.Cast<object?>()),
        _ => Equals(set, read),
    };

    [Fact]
    public async Task A_value_that_cannot_be_read_harms_no_other()
    {
        (string Type, string Literal)[] odd = Db.IsSqlite
            ? [("numeric", "9e999"), ("date", "x'00'"), ("int", "'not a number'")]
            :
            [
                ("numeric", "1e100"), ("numeric", "'NaN'"), ("timestamp", "'infinity'"), ("timestamptz", "'-infinity'"), ("date", "'0044-03-15 BC'"),
                ("timestamp", "'294276-01-01'"), ("interval", "'1 month'"), ("inet", "'10.0.0.0/8'"), ("tsrange", "'[2030-01-01,2031-01-01)'"), ("point", "'(1,2)'"),
                ("money", "'12.34'"), ("tsvector", "'a fat cat'"), ("int[]", "'{{1,2},{3,4}}'"), ("int[]", "'{1,NULL}'"), ("timetz", "'04:05:06+02'"),
                ("xml", "'<a/>'"), ("bit varying", "'101'"), ("pg_lsn", "'16/B374D848'"), ("numeric[]", "'{1e100}'"), ("int4range[]", "'{\"[1,2)\"}'"), ("date[]", "'{infinity}'"),
            ];
        await Db.ExecuteAsync($"CREATE TABLE odd (id int PRIMARY KEY, {StateOfKeyed}, {string.Join(", ", odd.Select((o, i) => $"c{i} {o.Type}"))}, last text)");
        var store = await StoreOfAsync("odd");
        var tasks = await InsertedAsync(store,
            $"INSERT INTO odd VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, {string.Join(", ", odd.Select(o => o.Literal))}, 'one'), "
            + $"(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, {string.Join(", ", odd.Select(_ => "NULL"))}, 'two')");
        Assert.Equal(["one", "two"], tasks.Select(t => t.Values[store.Table.RecordColumn("last")]));
        Assert.All(odd.Select((_, i) => tasks[1].Values[store.Table.RecordColumn($"c{i}")]), Assert.Null);
        Assert.All(odd.Select((_, i) => tasks[0].Values[store.Table.RecordColumn($"c{i}")]), Assert.NotNull);
        if (!Db.IsSqlite)
        {
            Assert.IsType<UnreadableValue>(tasks[0].Values[store.Table.RecordColumn("c0")]);
            Assert.Equal("10.0.0.0/8", tasks[0].Values[store.Table.RecordColumn("c7")]);
            Assert.Equal("(1,2)", tasks[0].Values[store.Table.RecordColumn("c9")]);
        }
        Assert.Equal(2, (await Ticked(store.FinishAsync([.. tasks.Select(t => Completed(t))], skipLocked: false, Stopping))).Count);
    }

    public static TheoryData<string> Unstorable => ["surrogate", "object", "char", "list"];

    [Theory]
    [MemberData(nameof(Unstorable))]
    public void A_value_that_cannot_be_stored_is_refused_before_it_meets_its_neighbours(string kind)
    {
        object value = kind switch { "surrogate" => "half \ud800 a pair", "char" => '\udc00', "list" => new object[] { new() }, _ => new object() };
        var column = Store.Table.RecordColumns[Store.Table.RecordColumn(Profile.Note)];
        var refused = Assert.Throws<InvalidCastException>(() => Db.Database.Dialect.Encode(value, column));
        Assert.Contains($"column '{Profile.Note}'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_the_table_refuses_is_a_data_error_and_changes_nothing()
    {
        await Db.ExecuteAsync($"CREATE TABLE strict (id int PRIMARY KEY, {StateOfKeyed}, c int NOT NULL DEFAULT 0 CHECK (c < 10))");
        var store = await StoreOfAsync("strict");
        var tasks = await InsertedAsync(store, "INSERT INTO strict (id) VALUES (1), (2)");
        var column = store.Table.WritableColumn("c");
        foreach (var value in (string?[])["11", null])
        {
            var error = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => store.FinishAsync(
                [.. tasks.Select((t, i) => Completed(t, new ColumnChanges(store.Table, [column], [i == 0 ? "1" : value])))], skipLocked: false, Stopping));
            Assert.Equal(ErrorKind.Data, Db.Database.Dialect.Classify(error));
        }
        Assert.Equal(2, await Db.ScalarAsync<int>("SELECT count(*) FROM strict WHERE et IS NULL AND c = 0"));
    }

    [Fact]
    public async Task A_rule_of_the_users_trigger_is_a_data_error()
    {
        await Db.ExecuteAsync($"CREATE TABLE ruled (id int PRIMARY KEY, {StateOfKeyed})");
        // One by one: CockroachDB may want each to be alone.
        if (!Db.IsSqlite) await Db.ExecuteAsync("CREATE FUNCTION rule() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not so''; END'");
        await Db.ExecuteAsync(Db.IsSqlite
            ? "CREATE TRIGGER rule BEFORE UPDATE OF mark ON ruled BEGIN SELECT RAISE(ABORT, 'not so'); END"
            : "CREATE TRIGGER rule BEFORE UPDATE OF mark ON ruled FOR EACH ROW EXECUTE FUNCTION rule()");
        var store = await StoreOfAsync("ruled");
        var task = Assert.Single(await InsertedAsync(store, "INSERT INTO ruled (id) VALUES (1)"));
        var column = store.Table.WritableColumn("mark");
        var encoded = Db.Database.Dialect.Encode("x", store.Table.RecordColumns[column]);
        var error = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => store.FinishAsync(
            [Completed(task, new ColumnChanges(store.Table, [column], [encoded]))], skipLocked: false, Stopping));
        Assert.Equal(ErrorKind.Data, Db.Database.Dialect.Classify(error));
        Assert.Contains("not so", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_or_column_that_has_gone_is_a_schema_error()
    {
        await InsertAsync(1);
        await Db.ExecuteAsync($"ALTER TABLE {Profile.Table} RENAME COLUMN {Fixtures.TableProfile.Quote(Profile.Columns.Success)} TO gone");
        var column = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => ReserveAsync(1));
        Assert.Equal(ErrorKind.Schema, Db.Database.Dialect.Classify(column));
        await Db.ExecuteAsync($"DROP TABLE {Profile.Table}");
        var table = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => ReserveAsync(1));
        Assert.Equal(ErrorKind.Schema, Db.Database.Dialect.Classify(table));
    }
}
