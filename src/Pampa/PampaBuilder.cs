using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>What a program says of its cluster: the jobs, and what prepares the database for them.</summary>
public sealed partial class PampaBuilder
{
    private readonly List<string> setup = [];
    private readonly List<JobBuilder> jobs = [];
    private readonly List<(string Name, int? Workers, WorkerLimits? Limits)> nodes = [];
    private readonly List<Func<CancellationToken, Task>> dispatcherStarts = [];
    private readonly List<Func<string, CancellationToken, Task>> workerStarts = [];

    internal PampaBuilder(IServiceProvider? services = null) => Services = services;

    /// <summary>The application's services, or null in a program that has none.</summary>
    internal IServiceProvider? Services { get; }

    /// <summary>
    /// The database's address where nothing outside of the program names one: a URL (<c>postgres://me@host/shop</c>), a
    /// connection string, a SQLite file, <c>env:NAME</c> or <c>file:PATH</c>. What <c>--db</c>,
    /// <c>PAMPA_DATABASE_URL</c>, <c>ConnectionStrings__Pampa</c> or the configuration's <c>Pampa:Database</c> says goes
    /// first. Default null: a SQLite file beside the program.
    /// </summary>
    public string? Database { get; set; }

    /// <summary>
    /// The cluster's name: processes of the same name on the same database work together. 1 to 64 letters, digits,
    /// <c>.</c>, <c>_</c> or <c>-</c>; default <c>pampa</c>. The state columns of one job must not be shared by two
    /// clusters.
    /// </summary>
    public string Cluster { get; set; } = "pampa";

    /// <summary>
    /// How many tasks this process runs at the same time. 1 to 1,000; default twice the processor cores, at least 4. What
    /// <c>--workers</c> says goes first, then what <see cref="AddNode"/> says of the node.
    /// </summary>
    public int Workers { get; set; } = Math.Max(4, 2 * Environment.ProcessorCount);

    /// <summary>
    /// The name under which this process's node registers where the command line names none; the prefix of its workers'
    /// ids. 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c>. A name that is at work already, in another process, is
    /// refused. Default null: <c>local</c>, or the next free one of <c>local-2</c>, <c>local-3</c>, ….
    /// </summary>
    public string? NodeName { get; set; }

    /// <summary>
    /// The version of this program, which its processes publish and by which <see cref="JobBuilder.MinProgramVersion"/> judges them: one to
    /// four numbers with points between them, and what Semantic Versioning adds. Default null: that of the entry assembly (<c>Version</c>
    /// in a project, <c>#:property Version=2.3.0</c> in a file-based program; 1.0.0 where neither says one).
    /// </summary>
    public string? ProgramVersion { get; set; }

    /// <summary>
    /// Whether this process turns the dispatcher's loop. False: it reserves nothing by itself, and the program calls
    /// the steps of <see cref="PampaCluster"/> in a loop of its own. Default true.
    /// </summary>
    public bool RunsDispatcher { get; set; } = true;

    /// <summary>
    /// How long running handlers may go on after the program was told to stop, before their tokens are cancelled.
    /// Default 30 s.
    /// </summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often an idle dispatcher looks for new records. 10 ms to 1 h; default 500 ms.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long a worker that is not heard of keeps its tasks, by the database's clock. 3 s to 1 h; default 30 s. A
    /// heartbeat is sent three times as often.
    /// </summary>
    public TimeSpan WorkerLease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a leading dispatcher that is not heard of stays the leader. 3 s to 1 h; default 15 s.
    /// </summary>
    public TimeSpan LeaderLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long the leader keeps what people have done (<see cref="PampaCluster.AuditAsync"/>), by the database's clock. 1 day to ten years;
    /// default 90 days; null: for ever.
    /// </summary>
    public TimeSpan? AuditRetention { get; set; } = Limits.UsualAuditRetention;

    /// <summary>
    /// Statements that prepare the database. Each runs once per database, known by its text, before anything else;
    /// several processes that start together run it once. Tables of jobs that appear this way get their state columns
    /// by themselves.
    /// </summary>
    /// <param name="statements">Each one statement that does no harm when it is run again.</param>
    public void Setup(params string[] statements)
    {
        ArgumentNullException.ThrowIfNull(statements);
        setup.AddRange(statements);
    }

    /// <summary>Adds a job for a table whose records are identified by one column.</summary>
    /// <param name="name">Unique in the program; see <see cref="JobBuilder.Name"/>.</param>
    /// <param name="table">The table: <c>orders</c>, <c>shop.orders</c> or <c>"My Schema"."Order"</c>.</param>
    /// <param name="key">The column that identifies a record: a primary key or a unique index, NOT NULL, of any
    /// type.</param>
    /// <param name="job">Fills in the rest.</param>
    public void AddJob(string name, string table, string key, Action<JobBuilder> job) => AddJob(name, table, [key], job);

    /// <summary>Adds a job for a table whose records are identified by several columns together.</summary>
    /// <param name="name">Unique in the program; see <see cref="JobBuilder.Name"/>.</param>
    /// <param name="table">The table: <c>orders</c>, <c>shop.orders</c> or <c>"My Schema"."Order"</c>.</param>
    /// <param name="key">The columns, in the order of the index.</param>
    /// <param name="job">Fills in the rest.</param>
    public void AddJob(string name, string table, string[] key, Action<JobBuilder> job)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(job);
        var builder = new JobBuilder(name, table, key, Services);
        job(builder);
        jobs.Add(builder);
    }

    /// <summary>
    /// Declares a node, so that the number of its workers stands in one place, and <c>status</c> and <see
    /// cref="PampaCluster.InfoAsync"/> tell when it is not there. Nothing else differs from a node that simply joins. The
    /// process says which node it is by <c>--name</c> or <see cref="NodeName"/>.
    /// </summary>
    /// <param name="name">Unique in the program; 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c>.</param>
    /// <param name="workers">
    /// How many tasks it runs at the same time where <c>--workers</c> says nothing. 1 to 1,000; default null: <see
    /// cref="Workers"/>.
    /// </param>
    /// <param name="limits">
    /// What each of its workers may take of the computer, where <c>--max-ram</c> and the like say nothing; the node must be started with
    /// <c>--isolated</c>. Default null: no limits.
    /// </param>
    public void AddNode(string name, int? workers = null, WorkerLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        nodes.Add((name, workers, limits is { IsEmpty: true } ? null : limits));
    }

    /// <summary>
    /// Code that runs once in each process that dispatches (<c>run</c>, <c>dispatcher</c>, an application unless <see
    /// cref="RunsDispatcher"/> is false): when the database is prepared, before the process reserves anything or registers
    /// its workers. Several calls add up, in their order. If it throws, the process ends with exit code 2. At a stop its
    /// token is cancelled and it is not waited for, which is no error.
    /// </summary>
    /// <param name="start">The code; may take its time, and may block.</param>
    public void OnDispatcherStart(Func<CancellationToken, Task> start)
    {
        ArgumentNullException.ThrowIfNull(start);
        dispatcherStarts.Add(start);
    }

    /// <summary>
    /// Code that runs once for each worker of this process, with the worker's id (<c>web1.2</c>): when the id is registered,
    /// before the worker gets tasks. Several calls add up, in their order; the workers start at the same time. A worker
    /// that has to register anew under another id starts anew. If it throws, the process ends with exit code 2 and
    /// nothing was reserved for the worker. At a stop its token is cancelled and it is not waited for, which is no error.
    /// </summary>
    /// <param name="start">The code; may take its time, for the leases are renewed meanwhile, and may block.</param>
    public void OnWorkerStart(Func<string, CancellationToken, Task> start)
    {
        ArgumentNullException.ThrowIfNull(start);
        workerStarts.Add(start);
    }

    /// <summary>Adds a job that another program has published; its code is not known, so it cannot run here.</summary>
    internal void AddPublished(string name, PublishedStructure structure)
    {
        var job = new JobBuilder(name, structure.Table, structure.Key, Services)
        {
            Columns = structure.Columns,
            MaxAssignedWorkers = structure.MaxAssignedWorkers,
            WorkerFilter = structure.WorkerFilter,
            PriorityColumn = structure.PriorityColumn,
            DueColumn = structure.DueColumn,
            IsPublished = true,
            LacksCondition = structure.HasCondition,
            LacksOrder = structure.HasOrder,
            LacksSelection = structure.HasSelection,
            LacksFinished = structure.HasFinished,
            MaxWait = structure.MaxWait,
            PublishedGoal = structure.FinishBy,
        };
        if (structure.Sequence is { } sequence) job.InSequenceBy(sequence.Columns, sequence.GoesOnAfterFailure);
        if (structure.MaxPendingTasks is { } pending) job.MaxPendingTasks = pending;
        if (structure.Limits is { } limits) (job.MaxAttempts, job.MaxDuration) = (limits.MaxAttempts, limits.MaxDuration);
        jobs.Add(job);
    }

    /// <summary>This program and its version, as its processes publish it.</summary>
    internal string Program => ProcessIdentity.ProgramOf(ProgramVersion);

    internal IReadOnlyList<string> SetupStatements => setup;

    internal IReadOnlyList<Func<CancellationToken, Task>> DispatcherStarts => dispatcherStarts;

    internal IReadOnlyList<Func<string, CancellationToken, Task>> WorkerStarts => workerStarts;

    internal IReadOnlyList<JobBuilder> Jobs => jobs;

    /// <summary>The names of the nodes that the program declares.</summary>
    internal IReadOnlyList<string> NodeNames => [.. nodes.Select(n => n.Name)];

    /// <summary>How many workers the program declares for a node; null: it does not say.</summary>
    internal int? WorkersOf(string node) => nodes.Find(n => n.Name == node).Workers;

    /// <summary>The limits that the program declares for a node's workers; null: none.</summary>
    internal WorkerLimits? LimitsOf(string node) => nodes.Find(n => n.Name == node).Limits;

    /// <summary>Declares a node, or gives one that is declared another number of workers.</summary>
    internal void SetNode(string name, Func<int?, int?> workers)
    {
        var at = nodes.FindIndex(n => string.Equals(n.Name, name, StringComparison.OrdinalIgnoreCase));
        if (at < 0) nodes.Add((name, workers(null), null));
        else nodes[at] = nodes[at] with { Workers = workers(nodes[at].Workers) };
    }

    /// <summary>Gives a node that is declared other limits for its workers.</summary>
    internal void SetLimits(string name, Func<WorkerLimits, WorkerLimits> limits)
    {
        var at = nodes.FindIndex(n => string.Equals(n.Name, name, StringComparison.OrdinalIgnoreCase));
        nodes[at] = nodes[at] with { Limits = limits(nodes[at].Limits ?? new WorkerLimits()) };
    }

    /// <summary>Checks everything that can be checked without a database; errors are added to the list.</summary>
    /// <param name="errors">What is wrong.</param>
    /// <param name="needsCode">Whether jobs are to run, and not only their tables to be looked at.</param>
    internal List<JobDefinition> Build(List<string> errors, bool needsCode = true)
    {
        if (!JobValidation.Identifier.IsMatch(Cluster))
            errors.Add($"Cluster must be {JobValidation.IdentifierForm}, got '{Cluster}'.");
        if (Workers is < 1 or > Limits.WorkersPerNode)
            errors.Add($"Workers must be between 1 and {Limits.WorkersPerNode:N0}, got {Workers}.");
        if (ProgramVersion is not null && Pampa.Jobs.ProgramVersion.TryParse(ProgramVersion) is null)
            errors.Add($"ProgramVersion must be a version like 2.3 or 2.3.1-rc.1, got '{ProgramVersion}'.");
        CheckNodes(errors);
        Range(errors, nameof(ShutdownTimeout), ShutdownTimeout, TimeSpan.Zero, TimeSpan.FromHours(24));
        Range(errors, nameof(PollInterval), PollInterval, TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1));
        Range(errors, nameof(WorkerLease), WorkerLease, Limits.ShortestLease, Limits.LongestLease);
        if (AuditRetention is { } keep) Range(errors, nameof(AuditRetention), keep, Limits.ShortestAuditRetention, Limits.LongestDelay);
        Range(errors, nameof(LeaderLease), LeaderLease, Limits.ShortestLease, Limits.LongestLease);
        if (jobs.Count == 0) errors.Add("There is no job: call AddJob.");
        foreach (var twice in jobs.GroupBy(j => j.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            errors.Add($"Job '{twice.Key}' is added {twice.Count()} times; names must differ.");
        errors.AddRange(VerbErrors);
        BuildSchedules(errors, needsCode);
        var version = Pampa.Jobs.ProgramVersion.Of(Program);
        return [.. jobs.Select(j => j.Build(errors, needsCode, version)).OfType<JobDefinition>()];
    }

    private void CheckNodes(List<string> errors)
    {
        if (NodeName is not null && !JobValidation.Identifier.IsMatch(NodeName))
            errors.Add($"NodeName must be {JobValidation.IdentifierForm}, got '{NodeName}'.");
        foreach (var (name, workers, limits) in nodes)
        {
            if (!JobValidation.Identifier.IsMatch(name)) errors.Add($"Node '{name}': the name must be {JobValidation.IdentifierForm}.");
            if (workers is < 1 or > Limits.WorkersPerNode)
                errors.Add(FormattableString.Invariant($"Node '{name}': workers must be between 1 and {Limits.WorkersPerNode:N0}, got {workers}."));
            if (limits is not null) errors.AddRange(limits.Errors().Select(e => $"Node '{name}': {e}."));
        }
        foreach (var twice in nodes.GroupBy(n => n.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            errors.Add($"Node '{twice.Key}' is added {twice.Count()} times; names must differ.");
    }

    private static void Range(List<string> errors, string what, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max) errors.Add($"{what} must be between {min} and {max}, got {value}.");
    }
}
