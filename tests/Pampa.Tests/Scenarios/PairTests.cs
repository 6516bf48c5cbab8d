using System.Collections.Concurrent;
using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// What a job can say, each with each other: every pair has a job and a table of its own, all in one program. Whatever the pair, each record ends
/// once in each of its rounds, with the right result, and what else is written is written once.
/// </summary>
public sealed class PairTests
{
    private const string Select = "select";
    private const string Relaunch = "relaunch";
    private const string Schedule = "schedule";
    private const string Priority = "priority";
    private const string Sequence = "sequence";
    private const string Batch = "batch";
    private const string Transaction = "transaction";
    private const string Hooks = "hooks";
    private const string Code = "code";
    private const string Allow = "allow";
    private const string Due = "due";
    private const int Records = 6;
    private const int Rounds = 2;

    // It fails at its first attempt, and not again.
    private const int Unlucky = 3;

    // What the schedule's one tick brings.
    private const int Ticked = 101;

    // Whom nobody lets have work that may refuse it.
    private const string Refuses = "a.1";

    // The others are due since long ago, the last one first.
    private static readonly DateTime FirstDue = Fixtures.TestClock.Begin.AddSeconds(12);

    private static readonly string[] Features = [Select, Relaunch, Schedule, Priority, Sequence, Batch, Transaction, Hooks, Code, Allow, Due];

    /// <summary>What the code of hooks was told; of the same attempt perhaps several times.</summary>
    private readonly ConcurrentDictionary<(string Job, long Value, long Round, int Attempt, string What), bool> told = new();

    private static readonly Dictionary<string, string> Refused = new()
    {
        [$"{Select}_{Priority}"] = "Job 'select_priority': Select names the records in order, so PriorityColumn has no meaning beside it: put the priority into Select",
        [$"{Batch}_{Transaction}"] = "a job has one handler: remove one, or add a second job with its own columns",
    };

    /// <summary>Two of them, and the job that has both.</summary>
    private sealed record Pair(string First, string Second)
    {
        public string Name => $"{First}_{Second}";

        public bool Has(string feature) => First == feature || Second == feature;

        /// <summary>How many rounds each record has behind it when all is done.</summary>
        public int Generation => Has(Relaunch) ? Rounds : 0;

        public IEnumerable<int> Keys => Enumerable.Range(1, Records).Concat(Has(Schedule) ? [Ticked] : Array.Empty<int>());

        /// <summary>How often the record is started.</summary>
        public int Starts(long key) => Generation + 1 + (key == Unlucky ? 1 : 0);
    }

    private static IEnumerable<Pair> Pairs =>
        from i in Enumerable.Range(0, Features.Length)
        from j in Enumerable.Range(i + 1, Features.Length - i - 1)
        select new Pair(Features[i], Features[j]);

    private static List<Pair> Allowed => [.. Pairs.Where(pair => !Refused.ContainsKey(pair.Name))];

    [Fact]
    public void What_cannot_go_together_is_refused_before_anything_starts()
    {
        Assert.Equal(55, Pairs.Count());
        foreach (var pair in Pairs)
        {
            var (program, errors) = (new PampaBuilder(), new List<string>());
            Add(program, pair);
            program.Build(errors);
            if (Refused.TryGetValue(pair.Name, out var why)) Assert.Contains(why, Assert.Single(errors), StringComparison.Ordinal);
            else Assert.Empty(errors);
        }
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Each_goes_together_with_each(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        cluster.AttemptsAreGivenBack = true;
        await cluster.Db.ExecuteAsync("CREATE TABLE effects (job text NOT NULL, value bigint NOT NULL, generation bigint NOT NULL, what text NOT NULL)");
        await cluster.Db.GrantOwnAsync("INSERT ON effects");
        foreach (var pair in Allowed)
        {
            await cluster.CreateTableAsync(pair.Name, ", generation bigint, round bigint NOT NULL DEFAULT 0, customer bigint NOT NULL DEFAULT 9, priority bigint NOT NULL DEFAULT 0, due timestamp");
            await cluster.Db.ExecuteAsync($"INSERT INTO {pair.Name} (value, customer, priority, due) VALUES {string.Join(", ", Enumerable.Range(1, Records).Select(v => $"({v}, {v % 2}, {-v}, '{DueOf(v):yyyy-MM-dd HH:mm:ss}')"))}");
            if (pair.Has(Schedule)) await cluster.Db.GrantOwnAsync($"INSERT ON {pair.Name}");
        }
        var process = await cluster.StartProgramAsync(pampa => Allowed.ForEach(pair => Add(pampa, pair)), workers: Allowed.Count + 4);
        for (var round = 0; round < 100 && await OpenAsync(cluster) > 0; round++)
        {
            await process.RoundAsync();
            // The tick is due after a minute.
            await (round == 10 ? cluster.LiveAsync(52) : cluster.AdvanceAsync(0.5));
        }
        Assert.True(await OpenAsync(cluster) == 0, await LeftAsync(cluster, process));
        foreach (var pair in Allowed) await CheckAsync(cluster, pair);
        Assert.DoesNotContain(process.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    private static DateTime DueOf(int value) => value == 1 ? FirstDue : FirstDue.AddDays(-value);

    private void Add(PampaBuilder pampa, Pair pair)
    {
        if (pair.Has(Schedule)) pampa.AddSchedule(pair.Name, "* * * * *", schedule => schedule.Do(_ => Raw($"INSERT INTO {pair.Name} (value) VALUES ({Ticked})")));
        pampa.AddJob(pair.Name, pair.Name, "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd_checking") with { Generation = "generation" };
            job.Backoff = Backoff.None;
            if (pair.Has(Select))
                job.Select(Raw($"SELECT value FROM {pair.Name} WHERE odd_checking_reservation_id IS NULL AND odd_checking_end_time IS NULL ORDER BY value DESC LIMIT @n"));
            if (pair.Has(Relaunch))
            {
                job.RelaunchAfter = TimeSpan.FromSeconds(1);
                job.RelaunchWhere = $"COALESCE(generation, 0) < {Rounds}";
            }
            if (pair.Has(Priority)) job.PriorityColumn = "priority";
            if (pair.Has(Sequence)) job.InSequenceBy("customer");
            if (pair.Has(Hooks))
            {
                job.OnStarting(task => Effect(task, "starting"));
                job.OnFinished(task => Effect(task, $"{task.Outcome}"));
                job.OnRelaunched(task => Effect(task, "relaunched"));
            }
            if (pair.Has(Code))
            {
                job.OnStarting(task => Tell(task, "starting"));
                job.OnFinished(task => Tell(task, $"{task.Outcome}"));
                job.OnRelaunched(task => Tell(task, "relaunched"));
            }
            if (pair.Has(Allow)) job.Allow(worker => worker.Worker != Refuses);
            if (pair.Has(Due)) job.DueColumn = "due";
            if (pair.Has(Batch)) job.ProcessBatch(4, (tasks, _) => Work(tasks));
            if (pair.Has(Transaction)) job.ProcessInTransaction(WorkAsync);
            if (!pair.Has(Batch) && !pair.Has(Transaction)) job.Process(Work);
        });
    }

    private static Sql Raw(string text)
    {
        var sql = new Sql(text.Length, 0);
        sql.AppendLiteral(text);
        return sql;
    }

    private static Sql Effect(TaskEvent task, string what) =>
        $"INSERT INTO effects (job, value, generation, what) VALUES ({task.Job}, {task.Get<long>("value")}, {task.Get<long>("round")}, {what})";

    private void Tell(TaskEvent task, string what) => told[(task.Job, task.Get<long>("value"), task.Get<long>("round"), task.Attempt, what)] = true;

    // State columns are not the handler's business; the generation stands in the key for other systems.
    private static long GenerationOf(PampaTask task) => long.Parse(task.IdempotencyKey.Split('/')[^1], CultureInfo.InvariantCulture);

    private static void Work(PampaTask task)
    {
        var (value, generation) = (task.Get<long>("value"), GenerationOf(task));
        if (value == Unlucky && generation == 0 && task.Attempt == 1) throw new InvalidOperationException("not at once");
        task["is_odd"] = value % 2 != 0;
        task["round"] = generation + 1;
        task["note"] = $"{task.Job} {generation}";
    }

    private static void Work(IReadOnlyList<BatchTask> tasks)
    {
        foreach (var task in tasks)
        {
            try
            {
                Work(task);
            }
            catch (InvalidOperationException e)
            {
                task.Fail(e);
            }
        }
    }

    private static async Task WorkAsync(PampaTask task, System.Data.Common.DbConnection connection, System.Data.Common.DbTransaction transaction)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"INSERT INTO effects (job, value, generation, what) VALUES ('{task.Job}', {task.Key}, {GenerationOf(task)}, 'written')";
        await command.ExecuteNonQueryAsync(task.CancellationToken);
        Work(task);
    }

    // Records that have a way to go, and those that are still to come.
    private static Task<long> OpenAsync(TestCluster cluster) => cluster.Db.ScalarAsync<long>($"SELECT {string.Join(" + ", Allowed.Select(pair =>
        $"(SELECT {(pair.Has(Schedule) ? $"abs({Records + 1} - count(*)) + " : "")}count(CASE WHEN odd_checking_end_time IS NULL OR COALESCE(generation, 0) < {pair.Generation} THEN 1 END) FROM {pair.Name})"))}");

    private static async Task<string> LeftAsync(TestCluster cluster, TestProcess process)
    {
        var left = new List<string>();
        foreach (var pair in Allowed) left.AddRange((await cluster.RowsAsync(pair.Name)).Where(row => row.Et is null).Select(row => $"{pair.Name}: {row}"));
        left.AddRange(process.Lines.Where(line => !line.StartsWith("Information", StringComparison.Ordinal)));
        return string.Join(Environment.NewLine, [.. left, .. process.Lines.TakeLast(20)]);
    }

    private async Task CheckAsync(TestCluster cluster, Pair pair)
    {
        var rows = await cluster.RowsAsync(pair.Name);
        Assert.Equal(pair.Keys.Select(key => (pair.Name, (long)key, "completed")), rows.Select(r => (pair.Name, r.Key, r.IsCompleted ? "completed" : $"{r}")));
        Assert.All(rows, row => Assert.Equal((pair.Name, row.Key % 2 != 0, $"{pair.Name} {pair.Generation}", row.Key == Unlucky && pair.Generation == 0 ? 2 : 1),
            (pair.Name, row.IsOdd, row.Note, row.N)));
        var calls = cluster.Calls.Where(call => call.Job == pair.Name).ToList();
        // A transaction that the database undoes runs again, which nobody sees but the handler.
        var starts = calls.GroupBy(c => c.Key).OrderBy(g => g.Key).Select(g => (pair.Name, g.Key, g.Count()));
        if (!pair.Has(Transaction)) Assert.Equal(pair.Keys.Select(key => (pair.Name, (long)key, pair.Starts(key))), starts);
        var (relaunched, started) = (pair.Keys.Count() * pair.Generation, pair.Keys.Sum(key => pair.Starts(key)));
        var ended = pair.Keys.Count() + relaunched;
        await WrittenAsync(cluster, pair, "written", pair.Has(Transaction) ? ended : 0);
        await WrittenAsync(cluster, pair, "starting", pair.Has(Hooks) ? started : 0, perRound: 2);
        await WrittenAsync(cluster, pair, "Completed", pair.Has(Hooks) ? ended : 0);
        await WrittenAsync(cluster, pair, "Again", pair.Has(Hooks) ? 1 : 0);
        await WrittenAsync(cluster, pair, "relaunched", pair.Has(Hooks) ? relaunched : 0);
        Assert.Equal((pair.Name, pair.Has(Code) ? (started, ended, 1, relaunched) : (0, 0, 0, 0)),
            (pair.Name, (Told(pair, "starting"), Told(pair, "Completed"), Told(pair, "Again"), Told(pair, "relaunched"))));
        if (pair.Has(Allow)) Assert.DoesNotContain(calls, call => call.Worker == Refuses);
        if (pair.Has(Due)) Assert.True(rows[0].St >= FirstDue, $"{pair.Name}: {rows[0]}");
        CheckOrder(pair, [.. calls.Select(call => call.Key).Where(key => key != Ticked)]);
    }

    private int Told(Pair pair, string what) => told.Keys.Count(t => t.Job == pair.Name && t.What == what);

    /// <summary>How often something was written, and that it was written once for each round of a record.</summary>
    private static async Task WrittenAsync(TestCluster cluster, Pair pair, string what, int count, int perRound = 1)
    {
        var found = await cluster.Db.ReadAsync($"SELECT value, generation, count(*) FROM effects WHERE job = '{pair.Name}' AND what = '{what}' GROUP BY value, generation");
        var counts = found.ConvertAll(row => Convert.ToInt32(row[2], CultureInfo.InvariantCulture));
        Assert.Equal((pair.Name, what, count), (pair.Name, what, counts.Sum()));
        Assert.All(counts, one => Assert.InRange(one, 1, perRound));
    }

    private static void CheckOrder(Pair pair, List<long> calls)
    {
        // What runs again comes between those that run for the first time, and the tasks of a batch come together.
        if (pair.Has(Relaunch) || pair.Has(Batch)) return;
        var isBackwards = pair.Has(Priority) || pair.Has(Due);
        if (isBackwards) Assert.Equal((pair.Name, (long)Records), (pair.Name, calls[0]));
        if (!pair.Has(Sequence)) return;
        foreach (var customer in (int[])[0, 1])
        {
            var own = calls.Where(key => key % 2 == customer).ToList();
            Assert.Equal(isBackwards ? own.OrderDescending() : own.Order(), own);
        }
    }
}
