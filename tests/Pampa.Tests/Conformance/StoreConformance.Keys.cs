using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>Keys of every type that people use travel there and back unchanged.</summary>
public abstract partial class StoreConformance
{
    private const string StateOfKeyed =
        "r text, rt timestamp, n int, st timestamp, et timestamp, ok boolean, err text, mark text";

    private static readonly TaskColumns KeyedColumns = new()
    {
        ReservationId = "r",
        ReservationTime = "rt",
        ReservationTimes = "n",
        StartTime = "st",
        EndTime = "et",
        Success = "ok",
        ErrorDescription = "err",
    };

    public static TheoryData<string, string, string[]> KeyTypes => new()
    {
        { "bigint", "k bigint PRIMARY KEY", ["(-9223372036854775808)", "(9223372036854775807)", "(0)", "(9007199254740993)"] },
        { "int", "k int NOT NULL UNIQUE", ["(-2147483648)", "(7)"] },
        { "smallint", "k smallint PRIMARY KEY", ["(-3)", "(3)"] },
        { "text", "k text PRIMARY KEY", ["('')", "('it''s \"quoted\"')", "('back\\slash\\')", "('line\nbreak\ttab')", "('naïve 🦙')", "('{\"b\":\"00\"}')", "('[1,2]')", "('null')", "('007')", "(' 7 ')", "('1e5')", "('a,b')", "('''; DROP TABLE numbers; --')", $"('{new string('é', 400)}')", "('$1 @k ?')"] },
        { "varchar", "k varchar(10) PRIMARY KEY", ["('abc')", "('0123456789')"] },
        { "char", "k char(5) PRIMARY KEY", ["('ab   ')", "('x')", "('01234')"] },
        { "uuid", "k uuid PRIMARY KEY", ["('00000000-0000-0000-0000-000000000001')", "('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')"] },
        { "numeric", "k numeric(30, 10) PRIMARY KEY", ["(0.5)", "(-3)", "(12345678.0123456789)"] },
        { "double", "k double precision PRIMARY KEY", ["(0.1)", "(-1e300)", "(3)", "(1e-300)", "(0.30000000000000004)"] },
        { "timestamp", "k timestamp PRIMARY KEY", ["('2030-01-01 00:00:00')", "('2030-01-01 10:20:30.123456')"] },
        { "timestamptz", "k timestamptz PRIMARY KEY", ["('2030-01-01 00:00:00+00')", "('2030-01-01 10:20:30.123456+02')"] },
        { "date", "k date PRIMARY KEY", ["('2030-01-01')", "('0001-01-01')"] },
        { "boolean", "k boolean PRIMARY KEY", ["(true)", "(false)"] },
        { "three", "a int, k text, c uuid, PRIMARY KEY (a, k, c)", ["(1, 'x', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')", "(1, 'X', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')", "(2, '', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12')"] },
    };

    public static TheoryData<string, string, string[]> KeyTypesOfSqlite => new()
    {
        { "blob", "k blob PRIMARY KEY", ["(x'')", "(x'00ff27')", "('text')", "(5)", "(2.0)"] },
        { "untyped", "k PRIMARY KEY NOT NULL", ["(2)", "('x')", "(1.5)", "(x'31')"] },
        { "without rowid", "k text PRIMARY KEY) WITHOUT ROWID", ["('a')", "('b')"] },
        { "affinity", "k integer PRIMARY KEY", ["(1)", "(2)"] },
        { "infinite", "k real PRIMARY KEY", ["(9e999)", "(-9e999)", "(1)"] },
    };

    public static TheoryData<string, string, string[]> KeyTypesOfPostgreSql => new()
    {
        { "bytea", "k bytea PRIMARY KEY", ["('\\x')", "('\\x00ff27')", "('abc\\\\')"] },
        { "exact numeric", "k numeric PRIMARY KEY", ["(123456789012345678901234567890.000000000000000000001)", "(1.50)", "('NaN')"] },
        { "endless timestamp", "k timestamp PRIMARY KEY", ["('infinity')", "('-infinity')", "('0044-03-15 BC')"] },
        { "not a double", "k double precision PRIMARY KEY", ["('NaN')", "('Infinity')"] },
        { "interval", "k interval PRIMARY KEY", ["('1 month 2 days')", "('-3 hours')"] },
        { "inet", "k inet PRIMARY KEY", ["('10.0.0.1')", "('::1/64')"] },
        { "array", "k int[] PRIMARY KEY", ["('{1,2}')", "('{}')"] },
        { "enum", "k mood PRIMARY KEY", ["('sad')", "('very happy')"] },
        { "domain", "k short PRIMARY KEY", ["('one')", "('it''s')"] },
        { "internal char", "k \"char\" PRIMARY KEY", ["('a')", "('b')"] },
    };

    [Fact]
    public async Task Keys_of_every_type_work_with_every_verb()
    {
        var failures = new List<string>();
        var types = KeyTypes.Concat(Db.IsSqlite ? KeyTypesOfSqlite : KeyTypesOfPostgreSql);
        if (!Db.IsSqlite)
        {
            await Db.ExecuteAsync("CREATE TYPE mood AS ENUM ('sad', 'very happy')");
            await Db.ExecuteAsync("CREATE DOMAIN short AS varchar(6)");
        }
        foreach (var (name, columns, rows) in types.Select(t => t.Data))
        {
            try
            {
                await RunThroughAsync($"keyed {name}", columns, rows);
            }
            catch (Exception e)
            {
                failures.Add($"{name}: {e.GetType().Name}: {e.Message}");
            }
        }
        if (failures.Count > 0) Assert.Fail(string.Join("\n", failures));
    }

    private async Task RunThroughAsync(string table, string columns, string[] rows)
    {
        var key = columns.StartsWith("a int", StringComparison.Ordinal) ? (string[])["a", "k", "c"] : ["k"];
        await Db.ExecuteAsync($"CREATE TABLE \"{table}\" ({StateOfKeyed}, {columns}{(columns.EndsWith("ROWID", StringComparison.Ordinal) ? "" : ")")}");
        await Db.ExecuteAsync($"INSERT INTO \"{table}\" ({string.Join(", ", key)}) VALUES {string.Join(", ", rows)}");
        var errors = new List<string>();
        var job = Definition(errors, $"\"{table}\"", key, j =>
        {
            j.Columns = KeyedColumns;
            j.Backoff = Backoff.None;
        })!;
        var resolved = await new Schema(Db.Database).ResolveAsync(job, errors, Stopping);
        Assert.Empty(errors);
        await Db.GrantAsync(resolved!);
        var store = new TaskStore(Db.Database, resolved!, Cluster, new Random(1));
        var first = await ReserveAsync(rows.Length, store: store);
        Assert.Equal(rows.Length, first.Count);
        Assert.Equal(rows.Length, first.Select(r => Shown(r.Key)).Distinct().Count());
        Assert.Equal(rows.Length, (await Ticked(store.ReleaseAsync(first, Stopping))).Count);
        // Up to one of them there are it and those before it, behind another one as well.
        var keys = first.ConvertAll(r => r.Key);
        for (var i = 0; i < keys.Count; i++)
        {
            Assert.Equal(keys[..(i + 1)], await store.ReadNextAsync(rows.Length, after: null, keys[i], Database.LongestPage, Stopping));
            Assert.Equal(keys[1..Math.Max(1, i + 1)], await store.ReadNextAsync(rows.Length, keys[0], keys[i], Database.LongestPage, Stopping));
        }
        // The cursor goes through all of them, one by one.
        TaskKey? cursor = null;
        var walked = new List<Reservation>();
        while (await ReserveAsync(1, store: store, cursor: cursor) is [var next])
        {
            walked.Add(next);
            cursor = next.Key;
        }
        Assert.Equal(first.Select(r => r.Key), walked.Select(r => r.Key));
        var started = await StartAsync(walked, store);
        Assert.Equal(rows.Length, started.Count);
        var mark = store.Table.WritableColumn("mark");
        var results = started.Select(s => new TaskResult(s.Fence, Outcome.Completed,
            Changes: new ColumnChanges(store.Table, [mark], [Db.Database.Dialect.Encode(Shown(s.Fence.Key), store.Table.RecordColumns[mark])]))).ToList();
        Assert.Equal(rows.Length, (await Ticked(store.FinishAsync(results, skipLocked: false, Stopping))).Count);
        Assert.Equal(rows.Length, (await store.ReadFencesAsync([.. first.Select(r => r.Key)], Stopping)).Count(f => f.Ended));
        var ended = await store.ReadEndedAsync(TaskState.Completed, 100, Stopping);
        Assert.Equal(rows.Length, (await Ticked(store.RelaunchAsync(ended, TaskState.Completed, Stopping))).Count);
        await StartAsync(await ReserveAsync(rows.Length, "a.2", store), store);
        Assert.Equal(rows.Length, (await store.ReadOwnAsync([("a.2", 1)], Stopping)).Count);
        Assert.Equal(rows.Length, (await Ticked(store.RecoverAsync([("a.2", 1)], Stopping))).Again);
        var handed = await Ticked(store.ReserveAsync(Slots(rows.Length, "b.1"), Lease, "a", null, Stopping));
        var texts = (await HandOversAsync())[^1].Rows;
        Assert.Equal(Handed([.. handed]), texts);
        Assert.Equal(rows.Length, (await StartAsync(texts.Select(t => new Reservation(
            new TaskKey(t[..key.Length]), t[^3], t[^2], int.Parse(t[^1], System.Globalization.CultureInfo.InvariantCulture))), store)).Count);
    }

    [Fact]
    public async Task A_record_without_a_key_harms_no_other()
    {
        await Db.ExecuteAsync($"CREATE TABLE loose (k text PRIMARY KEY, {StateOfKeyed})");
        const string insert = "INSERT INTO loose (k) VALUES (NULL), ('a'), (NULL), ('b')";
        if (!Db.IsSqlite)
        {
            var refused = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => Db.ExecuteAsync(insert));
            Assert.Equal(ErrorKind.Data, Db.Database.Dialect.Classify(refused));
            return;
        }
        await Db.ExecuteAsync(insert);
        await Db.ExecuteAsync("INSERT INTO loose (k, r, st, n) VALUES (NULL, 'gone.1', '2030-01-01', 1), ('c', 'gone.1', NULL, 1)");
        var errors = new List<string>();
        var table = await new Schema(Db.Database).ResolveAsync(Definition(errors, "loose", ["k"], j => j.Columns = KeyedColumns)!, errors, Stopping);
        var store = new TaskStore(Db.Database, table!, Cluster, new Random(1));
        Assert.Equal(["a", "b"], Shown((await ReserveAsync(2, store: store)).Select(r => r.Key)));
        Assert.Equal(1, (await ReclaimAsync(store)).Released);
    }
}
