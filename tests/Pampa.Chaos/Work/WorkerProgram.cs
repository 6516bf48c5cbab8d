using System.Globalization;

namespace Pampa.Chaos.Work;

/// <summary>The program under fire, which is its own command line; everything that differs stands in its environment.</summary>
internal static class WorkerProgram
{
    /// <summary>Begins the names of the variables; where the first is set, this executable is the program and not its enemy.</summary>
    private const string Prefix = "CHAOS_";

    public const string ProfileVariable = Prefix + "PROFILE";
    public const string LedgerVariable = Prefix + "LEDGER";
    public const string NodeVariable = Prefix + "NODE";
    public const string AttemptsVariable = Prefix + "ATTEMPTS";
    public const string QueueVariable = Prefix + "QUEUE";

    /// <summary>Set: the program of the racing boots, which prepares an empty database.</summary>
    public const string BootVariable = Prefix + "BOOT";

    /// <summary>Set: the build that writes in the transaction of the completion.</summary>
    public const string TransactionVariable = Prefix + "TRANSACTION";

    public static bool IsThis => Environment.GetEnvironmentVariable(ProfileVariable) is not null;

    public static async Task<int> RunAsync(string[] args)
    {
        var shape = Shape.Of(Enum.Parse<Profile>(Get(ProfileVariable)!));
        using var ledger = new Ledger(Get(LedgerVariable) ?? ".");
        return await PampaApp.RunAsync(args, pampa =>
        {
            pampa.WorkerLease = Limits.WorkerLease;
            pampa.LeaderLease = Limits.LeaderLease;
            pampa.PollInterval = TimeSpan.FromMilliseconds(200);
            pampa.ShutdownTimeout = Limits.ShutdownTimeout;
            pampa.NodeName = Get(NodeVariable);
            if (Get(BootVariable) is not null) AddBoot(pampa);
            else AddChaos(pampa, shape, new Handlers(shape, ledger));
        });
    }

    private static void AddChaos(PampaBuilder pampa, Shape shape, Handlers handlers)
    {
        var isInTransaction = Get(TransactionVariable) is not null;
        var (plain, batches, hooked) = (shape.All[0], shape.All[1], shape.All[2]);
        AddJob(pampa, plain, job =>
        {
            job.RelaunchAfter = TimeSpan.FromSeconds(1);
            job.RelaunchWhere = $"kind = 'Recurring' AND total < {Limits.Rounds}";
            Process(job);
        });
        AddJob(pampa, batches, job => job.ProcessBatch(BatchSize, handlers.RunBatchAsync));
        AddJob(pampa, hooked, job =>
        {
            job.OnStarting(t => $"INSERT INTO hook_events (what, id, attempt, outcome) VALUES ('start', {t.Get<long>("id")}, {(long)t.Attempt}, '')");
            job.OnFinished(t => $"INSERT INTO hook_events (what, id, attempt, outcome) VALUES ('end', {t.Get<long>("id")}, {(long)t.Attempt}, {t.Outcome.ToString()})");
            Process(job);
        });

        void Process(JobBuilder job)
        {
            if (isInTransaction) job.ProcessInTransaction(handlers.RunInTransactionAsync);
            else job.Process(handlers.RunAsync);
        }
    }

    private const int BatchSize = 8;

    private static void AddJob(PampaBuilder pampa, Shape shape, Action<JobBuilder> configure) => pampa.AddJob(shape.Job, shape.Table, shape.Key, job =>
    {
        job.Columns = shape.Columns;
        job.MaxAttempts = Number(AttemptsVariable) ?? Limits.MaxAttempts;
        job.QueueSize = Number(QueueVariable) ?? 5;
        job.MaxQueueSize = 50;
        job.MaxDuration = Limits.MaxDuration;
        job.Backoff = Backoff.Exponential(TimeSpan.FromSeconds(0.5), 2, TimeSpan.FromSeconds(2));
        job.WakeOnInsert = shape.Profile == Profile.Pg;
        configure(job);
    });

    /// <summary>How many tasks the racing boots find.</summary>
    public const int BootTasks = 40;

    private static void AddBoot(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS boot (id bigint PRIMARY KEY, total bigint NOT NULL DEFAULT 0)",
            $"INSERT INTO boot (id) WITH RECURSIVE v (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM v WHERE i < {BootTasks}) SELECT i FROM v");
        pampa.AddJob("boot", "boot", "id", job =>
        {
            job.Columns = new TaskColumns();
            job.Process(task => task["total"] = task.Get<long>("total") + 1);
        });
    }

    private static string? Get(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static int? Number(string name) => Get(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
