namespace Pampa.Tests.Simulation;

/// <summary>A job of a simulated cluster. Its state columns begin with its name, and its handler writes to a column of its own.</summary>
internal sealed record JobPlan(string Name, string Table)
{
    public string Note => $"{Name}_note";

    public string Generation => $"{Name}_generation";

    public int MaxAttempts { get; init; }

    public TimeSpan MaxDuration { get; init; }

    public TimeSpan Backoff { get; init; }

    public int? MaxAssignedWorkers { get; init; }

    public string? WorkerFilter { get; init; }

    public int QueueSize { get; init; }

    public int MaxQueueSize { get; init; }

    /// <summary>Whether only active records are its tasks.</summary>
    public bool IsPicky { get; init; }

    public bool HasOrder { get; init; }

    /// <summary>After how long what has completed runs again by itself; null: never.</summary>
    public TimeSpan? RelaunchAfter { get; init; }

    public double RelaunchJitter { get; init; }

    /// <summary>How many tasks its handler takes at once; 0: one by one.</summary>
    public int BatchSize { get; init; }

    public TimeSpan MaxBatchWait { get; init; }

    public bool RelaunchFailed { get; init; }

    /// <summary>Whether a record that has ended so runs again by itself.</summary>
    public bool Repeats(bool? ok) => RelaunchAfter is not null && (RelaunchFailed || ok == true);

    public void AddTo(PampaBuilder program, Handlers handlers) => program.AddJob(Name, Table, "value", job =>
    {
        job.Columns = TaskColumns.WithPrefix(Name) with { Generation = Generation };
        job.MaxAttempts = MaxAttempts;
        job.MaxDuration = MaxDuration;
        job.Backoff = Pampa.Backoff.Fixed(Backoff);
        job.MaxAssignedWorkers = MaxAssignedWorkers;
        job.WorkerFilter = WorkerFilter;
        job.QueueSize = QueueSize;
        job.MaxQueueSize = MaxQueueSize;
        job.RelaunchAfter = RelaunchAfter;
        job.RelaunchJitter = RelaunchJitter;
        job.RelaunchFailed = RelaunchFailed;
        if (IsPicky) job.Where = $"active";
        if (HasOrder) job.OrderBy = $"score DESC";
        job.MaxBatchWait = MaxBatchWait;
        if (BatchSize == 0) job.Process(task => handlers.RunAsync(this, task));
        else job.ProcessBatch(BatchSize, (tasks, _) => handlers.RunBatchAsync(this, tasks));
    });
}

/// <summary>How likely each misfortune is, at each chance that it has. In many runs some of them never come, so that others show.</summary>
internal sealed record Chances(
    double Fail, double Lose, double Crash, double Pause, double Death, double Freeze, double ClockStep, double Lock, double Refuse, double Stop, double Long);

/// <summary>What a seed makes of a run: the jobs, the processes and the misfortunes.</summary>
internal sealed record Plan(IReadOnlyList<JobPlan> Jobs, IReadOnlyList<int> Workers, int Records, int Steps, Chances Chances)
{
    public required Later Later { get; init; }

    public static Plan Draw(Random random, int seed)
    {
        var count = random.Next(1, 4);
        var jobs = Enumerable.Range(0, count).Select(i => DrawJob(random, i, count)).ToList();
        var workers = Enumerable.Range(0, random.Next(2, 5)).Select(_ => random.Next(1, 4)).ToList();
        var later = new Later(seed);
        jobs = [.. jobs.Select(later.Repeated).Select(later.Batched)];
        return new Plan(jobs, workers, random.Next(5, 26), random.Next(200, 500), DrawChances(random)) { Later = later };
    }

    // The second job is on the table of the first.
    private static JobPlan DrawJob(Random random, int i, int count) => new(((char)('p' + i)).ToString(), i < 2 ? "work" : "other")
    {
        MaxAttempts = random.Next(1, 5),
        MaxDuration = TimeSpan.FromSeconds(random.Next(1, 40)),
        Backoff = TimeSpan.FromSeconds(random.Next(0, 4)),
        MaxAssignedWorkers = random.Next(3) == 0 ? random.Next(1, 3) : null,
        WorkerFilter = count > 1 && random.Next(4) == 0 ? @"\.1$" : null,
        QueueSize = random.Next(1, 4),
        MaxQueueSize = random.Next(4, 9),
        IsPicky = random.Next(3) == 0,
        HasOrder = random.Next(5) == 0,
    };

    private static Chances DrawChances(Random random)
    {
        double Rate(double most) => random.Next(5) < 2 ? 0 : most * random.NextDouble();
        return new Chances(
            Rate(0.04), Rate(0.05), Rate(0.004), Rate(0.06), Rate(0.012), Rate(0.02), Rate(0.02), Rate(0.02), Rate(0.02), Rate(0.006), Rate(0.3));
    }

    /// <summary>The tables of the jobs.</summary>
    public IEnumerable<string> Create()
    {
        foreach (var table in Jobs.GroupBy(j => j.Table))
        {
            yield return $"""
                CREATE TABLE {table.Key} (value bigint PRIMARY KEY, active boolean NOT NULL, score int NOT NULL,
                {string.Join(",\n", table.Select(ColumnsOf))})
                """;
            foreach (var job in table) yield return Refusal(job);
        }
        yield return "CREATE TABLE refused (job text NOT NULL, value bigint NOT NULL, step text NOT NULL)";
    }

    private static string ColumnsOf(JobPlan job) => $"""
        {job.Name}_reservation_id text, {job.Name}_reservation_time timestamp, {job.Name}_reservation_times int, {job.Name}_start_time timestamp,
        {job.Name}_end_time timestamp, {job.Name}_success boolean, {job.Name}_error_description text, {job.Generation} bigint NOT NULL DEFAULT 0,
        {job.Note} text CHECK ({job.Note} NOT LIKE 'bad%')
        """;

    // A rule of the table that refuses some records a reservation, a start or an end, for as long as they stand in the list.
    private static string Refusal(JobPlan job) => $"""
        CREATE TRIGGER refuse_{job.Name} BEFORE UPDATE ON {job.Table} WHEN EXISTS (SELECT 1 FROM refused AS r WHERE r.job = '{job.Name}' AND r.value = NEW.value
          AND CASE r.step WHEN 'reserve' THEN OLD.{job.Name}_reservation_id IS NULL AND NEW.{job.Name}_reservation_id IS NOT NULL
            WHEN 'start' THEN OLD.{job.Name}_start_time IS NULL AND NEW.{job.Name}_start_time IS NOT NULL
            WHEN 'complete' THEN OLD.{job.Name}_end_time IS NULL AND NEW.{job.Name}_end_time IS NOT NULL AND NEW.{job.Name}_success
            ELSE OLD.{job.Name}_start_time IS NOT NULL AND (NEW.{job.Name}_start_time IS NULL OR (OLD.{job.Name}_end_time IS NULL AND NEW.{job.Name}_end_time IS NOT NULL)) END)
        BEGIN SELECT RAISE(ABORT, 'refused'); END
        """;
}
