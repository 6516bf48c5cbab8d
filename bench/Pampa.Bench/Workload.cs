using System.Diagnostics;
using System.Globalization;
using Pampa.Bench.Comparing;
using Pampa.Storage;

namespace Pampa.Bench;

/// <summary>
/// What is worked on. The only file that knows the product: everything else sees processes and tables, so that builds
/// of any age can be compared.
/// </summary>
internal sealed record Workload(string Name, Action<PampaTask> Handle)
{
    public const string Table = "numbers";

    /// <summary>Adds one record.</summary>
    public const string Insert = $"INSERT INTO {Table} (value) VALUES (@value)";
    public const string Prefix = "odd_checking";

    /// <summary>Set in a child whose jobs an INSERT shall wake.</summary>
    public const string WakeVariable = "PAMPA_BENCH_WAKE";

    /// <summary>Counts the workers that take tasks, in the product's own table.</summary>
    public const string CountReadyWorkers = "SELECT count(*) FROM pampa_worker WHERE state = 'ready' AND expires_at > now()";

    /// <summary>What a month leaves in the product's own tables beside the records of <see cref="Crowd"/>: samples, thinned, and an audit.</summary>
    public static string[] Past { get; } =
    [
        """
        INSERT INTO pampa_sample (cluster, job, at, grain, pending, more, running, workers, completed, failed, attempts, busy)
        SELECT 'pampa', 'crowd', now() - s * interval '1 second', g, 5000 + s % 700, 0, 4, 20, (2592000 - s) * 4, (2592000 - s) / 25, (2592000 - s) * 4, (2592000 - s) * 0.08
        FROM (SELECT 600 AS g, generate_series(86400, 2591400, 600) AS s UNION ALL SELECT 60, generate_series(3600, 86399, 60) UNION ALL SELECT 10, generate_series(10, 3599, 10)) AS p
        """,
        """
        INSERT INTO pampa_audit (cluster, id, at, who, action, target, job, detail, count)
        SELECT 'pampa', '00' || to_char(n, 'FM00000000'), now() - (20000 - n) * interval '2 minutes', 'operator ' || n % 7, 'retry', 'job crowd', 'crowd', 'states failed', n % 500
        FROM generate_series(1, 20000) AS n
        """,
    ];

    /// <summary>The job of samples/numbers.cs: a result column is written with the completion.</summary>
    public static Workload Numbers { get; } = new("numbers", task => task["is_odd"] = task.Get<long>("value") % 2 != 0)
    {
        Result = "is_odd boolean",
        IsRight = "is_odd = (value % 2 <> 0)",
    };

    /// <summary>The same table without a result, and a handler that does nothing.</summary>
    public static Workload Noop { get; } = new("noop", _ => { });

    /// <summary>Each record tells when its handler began, by the clock that all processes of a computer share.</summary>
    public static Workload Stamps { get; } = new("stamps", task => task["begun"] = Stopwatch.GetTimestamp())
    {
        Result = "begun bigint",
    };

    /// <summary>The numbers for any number of workers.</summary>
    public static Workload Crowd { get; } = Numbers with { Name = "crowd", MaxWorkers = null };

    /// <summary>The numbers with the record as an object.</summary>
    public static Workload NumbersTyped { get; } = Numbers with { Name = "numbers-typed" };

    /// <summary>The same two, with a handler that takes up to 500 at once.</summary>
    public static Workload NumbersInBatches { get; } = Numbers with { Name = "numbers-batch", BatchSize = 500 };

    public static Workload NoopInBatches { get; } = Noop with { Name = "noop-batch", BatchSize = 500 };

    /// <summary>How many records the handler takes at once; 0: one by one.</summary>
    public int BatchSize { get; private init; }

    /// <summary>A handler that takes five milliseconds without a processor, for any number of workers.</summary>
    public static Workload Nap { get; } = new("nap", _ => { }) { Pause = TimeSpan.FromMilliseconds(5), MaxWorkers = null };

    private const string ManyPrefix = "jobs-";

    /// <summary>Jobs that each have a table of their own and do nothing.</summary>
    public static Workload Many(int jobs) => Noop with { Name = FormattableString.Invariant($"{ManyPrefix}{jobs}"), Jobs = jobs, MaxWorkers = null };

    /// <summary>How many jobs there are.</summary>
    public int Jobs { get; private init; } = 1;

    /// <summary>The column that the handler fills, or null.</summary>
    public string? Result { get; private init; }

    /// <summary>What is true of a right result.</summary>
    public string? IsRight { get; private init; }

    public int? MaxWorkers { get; private init; } = 5;

    /// <summary>What the handler waits; zero where it does not.</summary>
    public TimeSpan Pause { get; private init; }

    public bool WritesResult => Result is not null;

    public static Workload Parse(string name) =>
        name.StartsWith(ManyPrefix, StringComparison.Ordinal) ? Many(int.Parse(name[ManyPrefix.Length..], CultureInfo.InvariantCulture))
        : ((Workload[])[Numbers, NumbersTyped, Noop, Stamps, Crowd, NumbersInBatches, NoopInBatches, Nap]).FirstOrDefault(w => w.Name == name)
            ?? throw new ArgumentException($"there is no job '{name}'");

    /// <summary>Runs the product's command line as its users do. The database is the one that the environment names.</summary>
    public Task<int> RunProductAsync(string[] arguments, Progress? progress) =>
        PampaApp.RunAsync(arguments, pampa => Configure(pampa, progress));

    private void Configure(PampaBuilder pampa, Progress? progress)
    {
        AddJob(pampa, Name, Table, progress);
        for (var more = 1; more < Jobs; more++)
            AddJob(pampa, FormattableString.Invariant($"{Name}-{more}"), FormattableString.Invariant($"{Table}_{more}"), progress);
    }

    private void AddJob(PampaBuilder pampa, string name, string table, Progress? progress)
    {
        // Without the records: they come from elsewhere, so that the time to make them is not measured.
        pampa.Setup($"CREATE TABLE IF NOT EXISTS {table} (value bigint PRIMARY KEY{(WritesResult ? $", {Result}" : "")})");
        pampa.AddJob(name, table, "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix(Prefix);
            job.MaxAssignedWorkers = MaxWorkers;
            job.WakeOnInsert = Environment.GetEnvironmentVariable(WakeVariable) is { Length: > 0 };
            if (Name == NumbersTyped.Name) job.Process<Number>((number, _) => number with { IsOdd = number.Value % 2 != 0 });
            else if (BatchSize > 0) job.ProcessBatch(BatchSize, (tasks, _) => { foreach (var task in tasks) Handle(task); });
            else if (Pause > TimeSpan.Zero) job.Process(_ => Wait(progress));
            else if (progress is null) job.Process(Handle);
            else job.Process(task => HandleCounted(task, progress));
        });
    }

    private sealed record Number(long Value, bool? IsOdd);

    private void HandleCounted(PampaTask task, Progress progress)
    {
        if (Name == Stamps.Name) progress.Begun(task.Get<long>("value"));
        Handle(task);
        progress.Done();
    }

    private static readonly ManualResetEvent Never = new(initialState: false);

    /// <summary>
    /// The handler that only waits, on its thread: a timer of .NET goes by a clock that moves every four milliseconds on Linux, so that of five
    /// they would become eight and hide whatever a worker loses between two tasks. What it really took is told.
    /// </summary>
    public void Wait(Progress? progress)
    {
        var begun = Stopwatch.GetTimestamp();
        Never.WaitOne(Pause);
        progress?.Busy(begun);
        progress?.Done();
    }

    /// <summary>A PostgreSQL's address (a URL, or <c>env:NAME</c> of a variable that holds one), for Npgsql.</summary>
    public static string PostgresSettings(string address)
    {
        if (address.StartsWith("env:", StringComparison.Ordinal))
        {
            address = Environment.GetEnvironmentVariable(address[4..])
                ?? throw new ArgumentException($"{address} is not set");
        }
        else if (DatabaseAddress.HasPassword(address))
        {
            throw new ArgumentException(
                "--postgres: a password on the command line is seen by everybody: use env:NAME");
        }
        return DatabaseAddress.Parse(address).ConnectionString;
    }
}
