#:project ../../../../src/Pampa/Pampa.csproj
using System.Runtime.InteropServices;
using Pampa;

// What a test asks for stands in the environment: the command line is the program's own.
var which = Environment.GetEnvironmentVariable("PAMPA_TEST_CASE");
if (Environment.GetEnvironmentVariable("PAMPA_TEST_OLD_TIMES") is not null) AppContext.SetSwitch("Npgsql.EnableLegacyTimestampBehavior", true);

return await PampaApp.RunAsync(args, pampa =>
{
    switch (which)
    {
        case "no-table":
            Add(table: "nowhere");
            break;
        case "wrong-column":
            Create();
            pampa.AddJob("odd", "numbers", "value", job =>
            {
                job.Columns = TaskColumns.WithPrefix("odd_checking");
                job.Process<Number>((n, _) => n);
            });
            break;
        case "wrong-key":
            Create();
            Add(key: "is_odd");
            break;
        case "bad-setup":
            pampa.Setup("CREATE TABEL numbers (value bigint)");
            Add();
            break;
        case "bad-where":
            Create();
            Add(job => job.Where = $"valeu > 5");
            break;
        case "several":
            Create();
            Add(job => job.QueueSize = 0, name: "first");
            Add(job => job.MaxAttempts = 0, name: "second");
            pampa.Workers = 0;
            break;
        case "stubborn":
            Create();
            pampa.Setup("INSERT INTO numbers (value) VALUES (1), (2), (3)");
            pampa.ShutdownTimeout = TimeSpan.FromSeconds(1);
            Add(process: _ => new ManualResetEventSlim().Wait());
            break;
        case "stuck":
            Create();
            Fill(1);
            // The program's own code, on a loop of the library's: once told to, it never comes back.
            Add(job => job.WhereEachCycle(() =>
            {
                if (!File.Exists(Environment.GetEnvironmentVariable("PAMPA_TEST_GO"))) return $"value < 0";
                Console.WriteLine("the condition stands still");
                new ManualResetEventSlim().Wait();
                return $"value > 0";
            }));
            break;
        case "idle":
            Create();
            Add();
            break;
        case "plain":
            Add();
            break;
        case "failing":
            Create();
            pampa.Setup("INSERT INTO numbers (value) VALUES (1), (2), (3)");
            Add(job => job.MaxAttempts = 1, process: task =>
            {
                if (task.Get<long>("value") == 2) throw new InvalidOperationException("two is not wanted");
            });
            break;
        case "talking":
            Create();
            Fill(40);
            Add(job => job.MaxAttempts = 1, process: task =>
            {
                var value = task.Get<long>("value");
                Console.WriteLine($"task {value:00} says this in one line, to its end.");
                if (value % 10 == 3) throw new InvalidOperationException("evil \e[2J\a text");
                if (value == 40) SpinWait.SpinUntil(() => File.Exists("go"));
            });
            break;
        case "crashing":
            Create();
            Fill(1);
            Add(process: _ =>
            {
                SpinWait.SpinUntil(() => File.Exists("go"));
                new Thread(() => throw new InvalidOperationException("a thread of the program's own")).Start();
                SpinWait.SpinUntil(() => false);
            });
            break;
        case "complaining":
            Create();
            Fill(4_000);
            Add(job => job.MaxAttempts = 1, process: _ => throw new InvalidOperationException(new string('x', 300)));
            break;
        case "several-jobs":
            foreach (var name in (string[])["first", "second", "third"])
            {
                pampa.Setup($"CREATE TABLE IF NOT EXISTS {name} (value bigint PRIMARY KEY, is_odd boolean)");
                pampa.Setup(FillOf(name, 2_000));
                Add(job =>
                {
                    job.MaxPendingTasks = 100;
                    if (name == "third") job.WorkerFilter = @"\.1$";
                }, name, name: name);
            }
            break;
        case "holding":
            Create();
            Fill(3);
            Add(process: task => SpinWait.SpinUntil(() => task.Get<long>("value") != 1 || File.Exists(Environment.GetEnvironmentVariable("PAMPA_TEST_GO"))));
            break;
        case "hooked":
            Create();
            Fill(20);
            Add(job => job.OnFinished(async about =>
            {
                var go = Environment.GetEnvironmentVariable("PAMPA_TEST_GO")!;
                while (!File.Exists(go)) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, about.CancellationToken);
                File.WriteAllText($"{go}.{about.Key}", about.Worker);
            }));
            break;
        case "hungry":
            Create();
            Fill(40);
            pampa.AddNode("declared", 2, new WorkerLimits { MaxRam = 200 });
            Add(job =>
            {
                job.MaxAttempts = 2;
                job.Backoff = Backoff.None;
            }, process: task =>
            {
                var value = task.Get<long>("value");
                task["is_odd"] = value % 2 != 0;
                if (value is 7 or 23)
                {
                    // What ran just before may not be written yet, and would be charged with it: that is at-least-once, and not what this is about.
                    using var connection = task.Database.OpenConnection();
                    using var others = connection.CreateCommand();
                    others.CommandText = $"SELECT count(*) FROM numbers WHERE odd_checking_reservation_id = '{task.Worker}' AND odd_checking_start_time IS NOT NULL AND odd_checking_end_time IS NULL AND value <> {value}";
                    using var never = new ManualResetEventSlim();
                    while (Convert.ToInt64(others.ExecuteScalar()) > 0) never.Wait(10);
                }
                var kept = new List<byte[]>();
                // What the runtime counts, and what it does not know of.
                while (value == 7) kept.Add(new byte[1_000_000]);
                while (value == 23) Marshal.Copy(new byte[1_000_000], 0, Marshal.AllocHGlobal(1_000_000), 1_000_000);
            });
            break;
        case "starving":
            Create();
            Fill(4);
            pampa.WorkerLease = TimeSpan.FromSeconds(4);
            Add(process: _ =>
            {
                // Four of them take more than the thread pool has: whatever needs one of its threads waits, for several leases.
                var never = new ManualResetEventSlim();
                for (var i = 0; i < 15; i++) ThreadPool.QueueUserWorkItem(_ => never.Wait(TimeSpan.FromSeconds(13)));
                never.Wait(TimeSpan.FromSeconds(13));
            });
            break;
        case "repeating":
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean, runs text)");
            Fill(3);
            Add(job =>
            {
                job.Columns = TaskColumns.WithPrefix("odd_checking") with { Generation = "generation" };
                job.RelaunchAfter = TimeSpan.FromSeconds(1);
            }, process: task => task["runs"] = $"{task["runs"]} {task.IdempotencyKey}");
            break;
        case "bad-relaunch-where":
            Create();
            Add(job =>
            {
                job.Where = $"value > 5";
                job.RelaunchWhere = $"valeu > 5";
            });
            break;
        case "bad-allow-where":
            Create();
            Add(job => job.AllowWhere = $"worker.nmae = {"local"}");
            break;
        case "ticking":
            Create();
            pampa.LeaderLease = TimeSpan.FromSeconds(3);
            pampa.AddSchedule("seconds", "* * * * * *", schedule =>
            {
                schedule.Misfire = Misfire.All;
                schedule.Do(tick => $"INSERT INTO numbers (value) VALUES ({tick.At.ToUnixTimeSeconds()})");
            });
            Add();
            break;
        case "bad-schedules":
            Create();
            pampa.AddSchedule("first", "0 25 * * *", schedule => schedule.Do(_ => $"SELECT 1"));
            pampa.AddSchedule("second", "@daily", schedule => schedule.TimeZone = "Europe/Madird");
            pampa.AddSchedule("second", "@daily", schedule => schedule.Do(_ => $"SELECT 1"));
            Add();
            break;
        case "bad-tick":
            Create();
            pampa.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(tick => $"INSERT INTO numbers (valeu) VALUES ({tick.At.ToUnixTimeSeconds()})"));
            Add();
            break;
        case "some":
            Create();
            Fill(3_000);
            Add();
            break;
        case "woken":
            Create();
            Add(job => job.WakeOnInsert = true);
            break;
        case "woken-elsewhere":
            Add(job => job.WakeOnInsert = true);
            break;
        default:
            throw new InvalidOperationException($"PAMPA_TEST_CASE is '{which}'");
    }

    void Create() => pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)");

    void Fill(int count) => pampa.Setup(FillOf("numbers", count));

    static string FillOf(string table, int count) =>
        $"INSERT INTO {table} (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {count}) SELECT v FROM n WHERE TRUE ON CONFLICT DO NOTHING";

    void Add(Action<JobBuilder>? more = null, string table = "numbers", string key = "value", string name = "odd", Action<PampaTask>? process = null) =>
        pampa.AddJob(name, table, key, job =>
        {
            job.Columns = TaskColumns.WithPrefix("odd_checking");
            job.Process(process ?? (task => task["is_odd"] = task.Get<long>("value") % 2 != 0));
            more?.Invoke(job);
        });
});

internal sealed record Number(long Value, bool? IsOdds);
