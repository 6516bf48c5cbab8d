using System.Reflection;
using System.Text;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Approvals;

/// <summary>
/// Every statement that Pampa composes, for a job whose names break each one that forgets to quote, so that a review of SQL shows SQL.
/// The verbs are found by reflection: a new one appears in the files without being listed here.
/// </summary>
public sealed class SqlTests
{
    private static readonly CancellationToken Stopping = TestContext.Current.CancellationToken;
    private readonly StringBuilder file = new();
    private readonly HashSet<string> written = [];
    private string heading = "";

    [Fact]
    public Task The_statements_for_SQLite_are_as_approved() => CheckAsync("Sql.Sqlite", new SqliteDialect());

    [Fact]
    public Task The_statements_for_PostgreSQL_are_as_approved() => CheckAsync("Sql.PostgreSql", new PostgreSqlDialect());

    [Fact]
    public Task The_statements_for_CockroachDB_are_as_approved() => CheckAsync("Sql.CockroachDb", new CockroachDbDialect());

    private async Task CheckAsync(string name, Dialect dialect)
    {
        var source = new RecordingDataSource(new Catalog(dialect).Answer);
        await using var database = new Database(source, dialect, TimeProvider.System, new Random(1));
        foreach (var isByKey in (bool[])[true, false])
        {
            if (dialect.Preamble(new Statement("") { IsByKey = isByKey }) is { } preamble)
                Write($"before each statement{(isByKey ? " that finds its records by their keys" : "")}", preamble);
        }
        var job = await WriteSchemaAsync(database, source);
        WriteJob(job);
        WriteQueries(job);
        await WriteOrderedAsync(database, source);
        foreach (var store in Stores(database)) await WriteStoreAsync(store, job, source);
        Approved.Check(name, file.ToString());
    }

    private async Task<JobTable> WriteSchemaAsync(Database database, RecordingDataSource source)
    {
        var schema = new Schema(database);
        var profile = TableProfile.Hostile(database.Dialect is SqliteDialect);
        // Each table is looked for first, and this catalog has them all: only their creation is not as it is in life.
        var empty = new RecordingDataSource(_ => []);
        await using (var blank = new Database(empty, database.Dialect, TimeProvider.System, new Random(1)))
            await new Schema(blank).CreateControlTablesAsync(Stopping);
        WriteAll("Schema.CreateControlTablesAsync", empty);
        await schema.RunSetupAsync(["CREATE TABLE …"], [TableName.Parse(profile.Table)!], Stopping);
        WriteAll("Schema.RunSetupAsync", source);
        var builder = new PampaBuilder();
        builder.AddJob("price_orders", profile.Table, profile.Key, job =>
        {
            job.WakeOnInsert = true;
            job.Columns = profile.Columns with { Generation = profile.Generation };
            job.Where = $"\"SCORE\" > {1} OR \"order\" = {"x"}";
            job.OrderBy = $"abs(\"SCORE\" - {5}) DESC";
            job.Process(_ => { });
        });
        var errors = new List<string>();
        var definition = builder.Build(errors).SingleOrDefault();
        Assert.Empty(errors);
        var resolved = await schema.ResolveAsync(definition!, errors, Stopping);
        Assert.Empty(errors);
        WriteAll("Schema.ResolveAsync", source);
        await new Schema(database, SchemaChanges.All).ResolveAsync(definition!, errors, Stopping);
        WriteAll("Schema.ResolveAsync, of a table that is in use", source);
        return resolved!;
    }

    /// <summary>What is different for a job with priorities and sequences.</summary>
    private async Task WriteOrderedAsync(Database database, RecordingDataSource source)
    {
        var profile = TableProfile.Hostile(database.Dialect is SqliteDialect);
        var builder = new PampaBuilder();
        builder.AddJob("price_in_order", profile.Table, profile.Key, job =>
        {
            job.Columns = profile.Columns;
            job.PriorityColumn = profile.Score;
            job.InSequenceBy(profile.Note);
            job.Where = $"\"is odd?\" = {true}";
            job.OrderBy = $"\"is odd?\" DESC";
            job.Process(_ => { });
        });
        var errors = new List<string>();
        var resolved = await new Schema(database).ResolveAsync(builder.Build(errors).Single(), errors, Stopping);
        Assert.Empty(errors);
        WriteAll("Schema.ResolveAsync, of a job with priorities and sequences", source);
        WriteJob(resolved!);
    }

    /// <summary>All that <see cref="JobSql"/> has: without any choice, and with all of them.</summary>
    private void WriteJob(JobTable job)
    {
        var sql = new JobSql(job);
        foreach (var property in typeof(JobSql).GetProperties().Where(p => p.PropertyType == typeof(string)).OrderBy(p => p.Name, StringComparer.Ordinal))
            Write($"JobSql.{property.Name}", (string)property.GetValue(sql)!);
        foreach (var method in Verbs(typeof(JobSql)).Where(m => m.ReturnType == typeof(string)))
        {
            // RESERVE in one statement, where it is done in steps.
            if (!job.Dialect.ReservesInOneStatement && method.GetParameters().Any(p => p.ParameterType == typeof(HandOvers))) continue;
            foreach (var all in (bool[])[false, true])
            {
                var arguments = method.GetParameters().Select(p => Choice(p, job, all)).ToArray();
                var named = method.GetParameters().Zip(arguments, (p, a) => $"{p.Name}: {Shown(a)}");
                Write($"JobSql.{method.Name}({string.Join(", ", named)})", (string)method.Invoke(sql, arguments)!);
            }
        }
    }

    /// <summary>What people ask: without a filter, and with all that one may say.</summary>
    private void WriteQueries(JobTable job)
    {
        var sql = new JobSql(job);
        var filter = sql.Filter(new TaskFilter
        {
            KeyPrefix = "x",
            ErrorContains = "x",
            Worker = "x",
            From = DateTimeOffset.UnixEpoch,
            Until = DateTimeOffset.UnixEpoch,
            Where =
            [
                .. Enum.GetValues<ColumnOperator>().Select(o => new ColumnCondition("SCORE", o, ConditionText.TakesValue(o) ? "1" : null)),
                new ColumnCondition("order", ColumnOperator.Equal, "x"), new ColumnCondition("END", ColumnOperator.Less, "2030-01-01"),
            ],
        }, []);
        var where = job.Job.Where!().Render("where", []);
        var window = new Search { States = [TaskState.Pending, TaskState.Running], AfterCursor = true, ToBound = true };
        if (job.Dialect.ReservesInOneStatement) Write("JobSql.Reserve, for others that are not told", sql.Reserve(null, null, afterCursor: false, HandOvers.Laid, locks: true));
        Write("JobSql.Page, all", sql.Page(null, null, new Search { Characters = 500 }));
        Write("JobSql.Page, a window with values", sql.Page(where, filter, window with { Characters = 500, ValueCharacters = 1_000, Values = job.Table.Columns }));
        Write("JobSql.Page, few failed ones", sql.Page(null, null, new Search { States = [TaskState.Failed], OfFewFailed = true, Order = TaskOrder.KeyDescending, AfterCursor = true }));
        Write("JobSql.Page, the latest failures", sql.Page(null, null, new Search { States = [TaskState.Failed], Order = TaskOrder.LatestEnd, AfterCursor = true }));
        Write("JobSql.Page, the longest running", sql.Page(where, null, new Search { Order = TaskOrder.LongestRunning, AfterCursor = true }));
        Write("JobSql.Page, of keys", sql.Page(where, null, new Search { OfKeys = true }));
        Write("JobSql.Bound", sql.Bound(window));
        Write("JobSql.CountMatches", sql.CountMatches(where, null, window));
        Write("JobSql.CountFailed", sql.CountFailed);
        Write("JobSql.Failures", sql.Failures);
        Write("JobSql.Details", sql.Details(new Search { Characters = 4_000 }));
        Write("JobSql.Chosen", sql.Chosen(where, null, window));
        Write("JobSql.RelaunchChosen", sql.RelaunchChosen("t.\"SCORE\" > @filter0"));
        Write("JobSql.Settle, cancelled", sql.Settle(null, asCompleted: false));
        Write("JobSql.Settle, skipped", sql.Settle("t.\"SCORE\" > @filter0", asCompleted: true));
        Write("JobSql.Stop", sql.Stop("t.\"SCORE\" > @filter0"));
        Write("JobSql.RunNow", sql.RunNow("t.\"SCORE\" > @filter0"));
        Write("Schema.FailedIndex", Schema.FailedIndex(job));
    }

    private static object? Choice(ParameterInfo parameter, JobTable job, bool all) => (parameter.ParameterType, parameter.Name) switch
    {
        ({ } type, _) when type == typeof(bool) => all,
        ({ } type, _) when type == typeof(EndWindow) => all ? new EndWindow("from", "to") : EndWindow.All,
        ({ } type, _) when type == typeof(HandOvers) => all ? HandOvers.Told : HandOvers.None,
        ({ } type, _) when type == typeof(IReadOnlyList<int>) => all ? Enumerable.Range(0, job.RecordColumns.Count).ToArray() : [],
        ({ } type, "where") when type == typeof(string) => all ? job.Job.Where!().Render("where", []) : null,
        ({ } type, "orderBy") when type == typeof(string) => all ? job.Job.OrderBy!.Render("order", []) : null,
        _ => throw new NotSupportedException($"JobSql has a parameter '{parameter}' that is new: say in {nameof(SqlTests)}.{nameof(Choice)} what stands for it."),
    };

    private static string Shown(object? argument) => argument switch
    {
        null => "null",
        IReadOnlyList<int> list => list.Count == 0 ? "none" : "all",
        bool flag => flag ? "true" : "false",
        HandOvers hands => $"{hands}",
        EndWindow window => window == EndWindow.All ? "all" : "given",
        _ => "given",
    };

    /// <summary>The stores of the cluster's own rows.</summary>
    private static IEnumerable<object> Stores(Database database) =>
        typeof(ClusterStore).Assembly.GetTypes().Where(t => t.Namespace == typeof(ClusterStore).Namespace)
            .OrderBy(t => t.Name, StringComparer.Ordinal)
            .Select(t => t.GetConstructor([typeof(Database), typeof(string)])?.Invoke([database, "cluster"])).OfType<object>();

    private async Task WriteStoreAsync(object store, JobTable job, RecordingDataSource source)
    {
        // A verb that is a part of somebody else's transaction is shown by its like that is not.
        foreach (var method in Verbs(store.GetType()).Where(m => !m.IsSpecialName && m.GetParameters().All(p => p.ParameterType != typeof(Database.Unit))))
        {
            var verb = $"{store.GetType().Name}.{method.Name}";
            var result = method.Invoke(store, [.. method.GetParameters().Select(p => p.ParameterType.IsInstanceOfType(source) ? source : Argument(p, job))]);
            if (result is Task task) await task;
            WriteAll(verb, source);
            // Statements that others run.
            if (result is Task<IReadOnlyList<string>> statements)
            {
                foreach (var text in await statements) Write(verb, text);
            }
        }
    }

    private static object? Argument(ParameterInfo parameter, JobTable job) => parameter.ParameterType switch
    {
        var type when type == typeof(string) => parameter.Name!,
        var type when type == typeof(bool) => true,
        var type when type == typeof(int) => 1,
        var type when type == typeof(long) => 1L,
        var type when type == typeof(TimeSpan) => TimeSpan.FromSeconds(1),
        var type when type == typeof(IReadOnlyList<string>) || type == typeof(IReadOnlyCollection<string>) => new[] { parameter.Name! },
        var type when type == typeof(IReadOnlyList<(string, long)>) => new[] { ("a.1", 1L) },
        var type when type == typeof(IReadOnlyList<NodeLoad>) => new[] { new NodeLoad("job", 1, 1, TimeSpan.Zero, TimeSpan.Zero, [new WorkerWord("a.1", 1, false)]) },
        var type when type == typeof(NodeLife) => new NodeLife("a", "a.1", 1),
        var type when type == typeof(LeaseTerm) => new LeaseTerm("cluster", "leader", 1),
        var type when type == typeof(JobDefinition) => job.Job,
        var type when type == typeof(JobTable) => job,
        var type when type == typeof(DateTimeOffset?) => null,
        var type when type == typeof(DateTimeOffset) => DateTimeOffset.UnixEpoch,
        var type when type == typeof(AuditNote) && parameter.HasDefaultValue => null,
        var type when type == typeof(AuditNote) => new AuditNote("id", "who", "action", "target", "detail"),
        var type when type == typeof(AuditQuery) => new AuditQuery { Before = "before", Job = "job", Who = "who", Action = "action", TargetContains = "target" },
        var type when type == typeof(NodeVitals) => new NodeVitals(1, null, [], []),
        var type when type == typeof(IReadOnlyList<HistoryRow>) => new[] { new HistoryRow("record", "failed") },
        var type when type == typeof(IReadOnlyList<SampleRow>) => new[] { new SampleRow("job", 1, true, 1, 1, default) },
        var type when type == typeof(ScheduleDefinition) => Schedule(),
        var type when type == typeof(ScheduleTick) => Schedule().Sample,
        var type when type == typeof(Hold) => new Hold(HoldKind.Job, "job"),
        var type when type == typeof(IReadOnlyList<(string, string?)>) => new (string, string?)[] { ("a.1", "job"), ("a.2", null) },
        var type when type == typeof(IReadOnlyList<StretchRow>) => new[] { new StretchRow("job", 1, 1, "reason") },
        var type when type == typeof(IReadOnlyList<DeadWorker>) => new[] { new DeadWorker("a.1", 1, "2030-01-01T00:00:00Z") },
        var type when type == typeof(CancellationToken) => Stopping,
        // Reference types and optional ones are looked at by few; what has no value of its own goes without.
        { IsValueType: false } => null,
        _ => throw new NotSupportedException($"{parameter.Member} has a parameter '{parameter}' of a new type: say in {nameof(SqlTests)}.{nameof(Argument)} what stands for it."),
    };

    private static ScheduleDefinition Schedule()
    {
        var program = new PampaBuilder();
        program.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(tick => $"INSERT INTO reports (day, made_at) VALUES ({tick.Date}, {tick.At})"));
        program.Build([]);
        return program.Schedules.Single();
    }

    private static IEnumerable<MethodInfo> Verbs(Type type) =>
        type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .OrderBy(m => m.Name, StringComparer.Ordinal).ThenBy(m => m.ToString(), StringComparer.Ordinal);

    private void WriteAll(string verb, RecordingDataSource source)
    {
        foreach (var text in source.Texts) Write(verb, text);
        source.Texts.Clear();
    }

    // A text that several verbs share stands where it is first.
    private void Write(string verb, string text)
    {
        if (!written.Add(text)) return;
        if (verb != heading) file.Append("-- ").Append(verb).Append('\n');
        heading = verb;
        file.Append(text.Trim()).Append(";\n\n");
    }
}
