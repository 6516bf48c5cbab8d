using System.Collections.Concurrent;
using Pampa.Dispatching;
using static Pampa.Tests.Stretching.RosterSetup;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Workers that the program allows no work of a job now, and in which order it has the others dealt to.</summary>
public sealed class AllowTests
{
    private static List<string> Of(TestProcess process, string part) => [.. process.Lines.Where(line => line.Contains(part, StringComparison.Ordinal))];

    private static HashSet<string> Workers(TestCluster cluster, string job = "numbers") =>
        [.. cluster.Calls.Where(c => c.Job == job).Select(c => c.Worker)];

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable), InlineData(Engine.ReadCommitted)]
    internal async Task Whom_the_condition_does_not_hold_for_is_dealt_nothing_until_it_does(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        await cluster.Db.ExecuteAsync("CREATE TABLE credits (node text PRIMARY KEY, rest int NOT NULL)");
        await cluster.Db.GrantOwnAsync("SELECT ON credits");
        await cluster.Db.ExecuteAsync("INSERT INTO credits VALUES ('a', 0)");
        await cluster.StartAsync(job =>
        {
            job.AllowWhere = $"EXISTS (SELECT 1 FROM credits AS c WHERE c.node = worker.node AND c.rest > {0}) AND worker.id <> {"a.2"}";
            job.Process(_ => { });
        }, workers: 3);
        await cluster.InsertAsync(20);
        await UntilTurnedAsync(cluster, 4);
        Assert.Empty(cluster.Calls);
        Assert.Contains("Allow lets none of its workers have work now", (await SharesAsync(cluster, "numbers")).Reason, StringComparison.Ordinal);

        await cluster.Db.ExecuteAsync("UPDATE credits SET rest = 5");
        await cluster.UntilEndedAsync();
        Assert.Equal(["a.1", "a.3"], Workers(cluster).Order());
    }

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Code_decides_for_workers_of_whatever_node_and_is_asked_once_a_second(Engine engine)
    {
        await using var cluster = await TestCluster.CreateAsync(engine);
        var asked = new ConcurrentQueue<(string Worker, string Node, long At)>();
        var isBAllowed = false;
        void Job(JobBuilder job)
        {
            job.Process(_ => { });
            job.Allow(worker =>
            {
                Assert.Equal("numbers", worker.Job);
                Assert.NotNull(worker.Database);
                asked.Enqueue((worker.Worker, worker.Node, cluster.Time.GetTimestamp()));
                return worker.Node == "b" ? isBAllowed : worker.Worker == "a.1";
            });
        }
        var a = await cluster.StartAsync(Job);
        var b = await cluster.StartAsync(Job, name: "b");
        await cluster.InsertAsync(50);
        await cluster.UntilEndedAsync();
        Assert.Equal(["a.1"], Workers(cluster));
        isBAllowed = true;
        // Until the next answer the last one holds.
        await TurnAsync(cluster, 3, a, b);
        await cluster.InsertAsync(50, 51);
        await cluster.UntilEndedAsync();
        Assert.Equal(["a.1", "b.1", "b.2"], Workers(cluster).Order());

        Assert.Equal([("a.1", "a"), ("a.2", "a"), ("b.1", "b"), ("b.2", "b")], asked.Select(one => (one.Worker, one.Node)).Distinct().Order());
        foreach (var worker in asked.GroupBy(one => one.Worker))
        {
            var times = worker.Select(one => one.At).Order().ToList();
            Assert.All(times.Zip(times.Skip(1)), pair => Assert.True(cluster.Time.GetElapsedTime(pair.First, pair.Second) >= TimeSpan.FromSeconds(1)));
        }
    }

    [Fact]
    public async Task Workers_that_may_not_serve_one_job_serve_the_other()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "first", "second");
        await cluster.StartProgramAsync(pampa =>
        {
            AddJobs(pampa, job => job.Allow(worker => worker.Worker is "a.1"), "first");
            AddJobs(pampa, null, "second");
        }, workers: 4);
        await cluster.InsertAsync(200, table: "first");
        await cluster.InsertAsync(200, table: "second");
        await cluster.UntilEndedAsync("first");
        await cluster.UntilEndedAsync("second");
        Assert.Equal(["a.1"], Workers(cluster, "first"));
        Assert.Superset(new HashSet<string>(["a.2", "a.3", "a.4"]), Workers(cluster, "second"));
    }

    [Fact]
    public async Task What_it_throws_is_a_no_and_is_told_once()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "first", "second");
        var isBroken = true;
        var process = await cluster.StartProgramAsync(pampa =>
        {
            AddJobs(pampa, job => job.Allow(_ => isBroken ? throw new InvalidOperationException("no network") : true), "first");
            AddJobs(pampa, null, "second");
        });
        await cluster.InsertAsync(5, table: "first");
        await cluster.InsertAsync(5, table: "second");
        await cluster.UntilEndedAsync("second");
        await TurnAsync(cluster, 5, process);
        Assert.Empty(Workers(cluster, "first"));
        Assert.EndsWith("': it throws InvalidOperationException: no network", Assert.Single(Of(process, "gives no answer")), StringComparison.Ordinal);

        isBroken = false;
        await cluster.UntilEndedAsync("first");
        Assert.Single(Of(process, "its Allow answers again"));
        Assert.Single(Of(process, "gives no answer"));
    }

    [Fact]
    public async Task What_never_answers_is_a_no_and_holds_up_nobody()
    {
        await using var cluster = await ClusterAsync(nameof(Engine.Sqlite), "first", "second");
        var (calls, isHanging) = (0, false);
        using var never = new SemaphoreSlim(0);
        var process = await cluster.StartProgramAsync(pampa =>
        {
            AddJobs(pampa, job => job.Allow(worker =>
            {
                Interlocked.Increment(ref calls);
                if (isHanging && worker.Worker == "a.1") never.Wait(TestCluster.Stopping);
                return true;
            }), "first");
            AddJobs(pampa, null, "second");
        });
        await process.PatientRoundsAsync(0.1);
        isHanging = true;
        for (var i = 0; i < 80; i++) await process.PatientRoundsAsync(0.1);
        await cluster.InsertAsync(5, table: "first");
        await cluster.InsertAsync(5, table: "second");
        for (var i = 0; i < 20; i++) await process.PatientRoundsAsync(0.1);
        Assert.Equal(["a.2"], Workers(cluster, "first"));
        Assert.Equal(5, await DoneAsync(cluster, "first"));
        Assert.Equal(5, await DoneAsync(cluster, "second"));
        Assert.EndsWith("of worker 'a.1': it did not answer within 00:00:05", Assert.Single(Of(process, "gives no answer")), StringComparison.Ordinal);

        never.Release(1_000);
        for (var i = 0; i < 100 && Of(process, "answers again").Count == 0; i++) await process.PatientRoundsAsync(0.1);
        Assert.Single(Of(process, "answers again"));
    }

    [Fact]
    public async Task However_many_calls_never_end_the_other_workers_are_asked_about_and_each_hangs_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var hung = new ConcurrentQueue<string>();
        var never = new TaskCompletionSource<bool>();
        var process = await cluster.StartAsync(job =>
        {
            job.Allow((worker, _) =>
            {
                if (worker.Worker is "a.11" or "a.12") return Task.FromResult(true);
                hung.Enqueue(worker.Worker);
                return never.Task;
            });
            job.Process(_ => { });
        }, workers: 12);
        await cluster.InsertAsync(5);
        for (var i = 0; i < 200 && await DoneAsync(cluster, "numbers") < 5; i++) await process.PatientRoundsAsync(0.1);
        Assert.Equal(5, await DoneAsync(cluster, "numbers"));
        Assert.Subset(new HashSet<string>(["a.11", "a.12"]), Workers(cluster));
        // How soon all have been asked about is up to the computer; then some time in which nobody is asked about anew.
        for (var i = 0; i < 400 && hung.Count < 10; i++) await process.PatientRoundsAsync(0.1);
        for (var i = 0; i < 30; i++) await process.PatientRoundsAsync(0.1);
        Assert.Equal(10, hung.Count);
        Assert.Equal(10, hung.Distinct().Count());
        Assert.EndsWith("it did not answer within 00:00:05", Assert.Single(Of(process, "gives no answer")), StringComparison.Ordinal);

        never.SetResult(true);
        await cluster.InsertAsync(50, first: 6);
        for (var i = 0; i < 100 && Of(process, "answers again").Count == 0; i++) await process.PatientRoundsAsync(0.1);
        Assert.Single(Of(process, "answers again"));
    }

    [Fact]
    public async Task A_log_that_throws_bars_no_worker_for_ever()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var process = await cluster.StartAsync(job => job.Process(_ => { }));
        var job = new JobDispatch(process.Lane.Store, process.Lane.Load, _ => { }, TimeSpan.FromSeconds(1), cluster.Time);
        var isBroken = true;
        var trouble = new Trouble((_, _) => throw new IOException("the disk of the log is full"), () => throw new IOException("it still is"));
        var asked = new AskedCode(job, (_, _) => isBroken ? throw new InvalidOperationException("no network") : Task.FromResult(true), trouble, cluster.Time);
        List<WorkerHand> workers = [.. Enumerable.Range(1, AskedCode.MostAtOnce + 1).Select(i => new WorkerHand($"a.{i}", "a", 0, IsResting: false, 1))];
        async Task<int> AskAsync()
        {
            var begun = asked.Begin(workers, TestCluster.Stopping).ToList();
            foreach (var task in begun) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await cluster.AdvanceAsync(1);
            return begun.Count(task => task.IsFaulted);
        }

        Assert.Equal(1, await AskAsync());
        await AskAsync();
        Assert.DoesNotContain(workers, worker => asked.Allows(worker.Worker));
        isBroken = false;
        for (var i = 0; i < 4; i++) await AskAsync();
        Assert.All(workers, worker => Assert.True(asked.Allows(worker.Worker), worker.Worker));
        Assert.False(asked.Check());
    }

    [Fact]
    public async Task A_condition_that_throws_is_a_no_until_it_does_not()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var isBroken = true;
        var process = await cluster.StartAsync(job =>
        {
            job.AllowWhereEachCycle(() =>
            {
                if (isBroken) throw new FormatException("no values");
                return $"worker.id = {"a.1"}";
            });
            job.Process(_ => { });
        });
        await cluster.InsertAsync(5);
        await UntilTurnedAsync(cluster, 3);
        Assert.Empty(cluster.Calls);
        Assert.EndsWith("its AllowWhere throws FormatException: no values", Assert.Single(Of(process, "gives no answer")), StringComparison.Ordinal);
        isBroken = false;
        await cluster.UntilEndedAsync();
        Assert.Equal(["a.1"], Workers(cluster));
    }

    [Fact]
    public async Task The_order_of_workers_says_who_gets_a_record_and_one_that_throws_is_told_once()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var isBroken = false;
        var process = await cluster.StartAsync(job =>
        {
            job.QueueSize = 3;
            job.MaxQueueSize = 3;
            job.WorkerOrderBy(w => isBroken ? throw new FormatException("no order") : w.Worker switch { "a.3" => 0, "a.1" => 1, _ => 2 });
            job.Process(_ => { });
        }, workers: 3);
        await cluster.InsertAsync(4);
        await process.DispatchAsync();
        Assert.Equal([(1L, "a.3"), (2L, "a.3"), (3L, "a.3"), (4L, "a.1")], (await cluster.RowsAsync()).Select(r => (r.Key, r.Rid!)));
        await cluster.UntilEndedAsync();

        isBroken = true;
        await cluster.InsertAsync(4, 5);
        await cluster.UntilEndedAsync();
        Assert.EndsWith("told once: it throws FormatException: no order", Assert.Single(Of(process, "WorkerOrderBy fails")), StringComparison.Ordinal);
        isBroken = false;
        await TurnAsync(cluster, 1, process);
        Assert.Single(Of(process, "WorkerOrderBy works again"));
    }

    [Fact]
    public async Task Where_few_may_serve_the_job_the_order_says_who()
    {
        await using var cluster = await TestCluster.CreateAsync();
        await cluster.StartAsync(job =>
        {
            job.MaxAssignedWorkers = 1;
            job.WorkerOrderBy(w => w.Worker != "a.2");
            job.Process(_ => { });
        }, workers: 3);
        await cluster.InsertAsync(20);
        await cluster.UntilEndedAsync();
        Assert.Equal(["a.2"], Workers(cluster));
    }

    private static Task UntilTurnedAsync(TestCluster cluster, double seconds)
    {
        var until = cluster.Time.GetUtcNow() + TimeSpan.FromSeconds(seconds);
        return cluster.UntilAsync(() => Task.FromResult(cluster.Time.GetUtcNow() >= until), "time has passed");
    }
}
