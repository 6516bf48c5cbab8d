using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Pampa.Jobs;

namespace Pampa;

/// <summary>
/// What is done to the records of a table: columns, limits and code. Filled in <see cref="PampaBuilder.AddJob(string,
/// string, string, Action{JobBuilder})"/>.
/// </summary>
public sealed partial class JobBuilder
{
    private const DynamicallyAccessedMemberTypes RowMembers =
        DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    private readonly string table;
    private readonly IReadOnlyList<string> key;
    private readonly List<string> errors = [];
    private Func<Sql>? where;
    private TaskHandler? handler;

    internal JobBuilder(string name, string table, IReadOnlyList<string> key, IServiceProvider? services = null)
    {
        Name = name;
        this.table = table;
        this.key = key;
        Services = services;
    }

    /// <summary>
    /// The job's name: unique in the program, 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c>.
    /// </summary>
    public string Name { get; }

    /// <summary>The application's services, or null in a program that has none; as <see cref="PampaBuilder.Services"/>.</summary>
    public IServiceProvider? Services { get; }

    /// <summary>
    /// The state columns. Default: the original's names with the job's name as prefix, for example
    /// <c>search_odd_numbers_reservation_id</c>.
    /// </summary>
    public TaskColumns? Columns { get; set; }

    /// <summary>
    /// How many workers may serve the job at the same time, on all nodes together. At least 1; default null: no limit.
    /// </summary>
    public int? MaxAssignedWorkers { get; set; }

    /// <summary>
    /// Due tasks per assigned worker above which one more worker is wanted: a job with 1,200 due tasks wants three. At least 1;
    /// default 500. It decides where jobs compete for workers; workers that nobody wants are lent to jobs with due tasks.
    /// </summary>
    public int MaxPendingTasks { get; set; } = 500;

    /// <summary>
    /// The job's share where jobs want more workers than there are: one of weight 3 gets three for each one of a job of weight 1.
    /// 1 to 1,000; default 1. Every job with due tasks gets a worker first, whatever its weight.
    /// </summary>
    public int Weight { get; set; } = 1;

    /// <summary>
    /// A regular expression that a worker's id (<c>node.n</c>) must match, for example <c>\.1$</c> for the first worker
    /// of every node. It is run without back-tracking, so no pattern can be slow; look-around and back-references are
    /// refused. Default null: any worker.
    /// </summary>
    public string? WorkerFilter { get; set; }

    /// <summary>
    /// Tasks that a worker has in hand at least, so that it never waits for the dispatcher. 1 to 1,000; default 5.
    /// </summary>
    public int QueueSize { get; set; } = 5;

    /// <summary>
    /// Tasks that a worker has in hand at most. Short tasks travel in large batches, long ones singly: the depth in
    /// between follows the measured duration. <see cref="QueueSize"/> to 8,000; default 1,000 (or <see
    /// cref="QueueSize"/>, or two batches of <c>ProcessBatch</c>, if that is more).
    /// </summary>
    public int? MaxQueueSize { get; set; }

    /// <summary>
    /// How long one attempt may take, from the moment the handler begins. Then its token is cancelled with a readable
    /// reason and the attempt fails. 1 s to 45 days; default 15 minutes.
    /// </summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How many times a task is started before it fails for good. 1 to 1,000; default 3.</summary>
    public int MaxAttempts { get; set; } = 3;

    /// <summary>The wait between a failed attempt and the next. Default <see cref="Pampa.Backoff.Default"/>.</summary>
    public Backoff Backoff { get; set; } = Backoff.Default;

    /// <summary>
    /// Whether an INSERT into the table wakes the dispatcher, so that the task starts in milliseconds instead of after
    /// <see cref="PampaBuilder.PollInterval"/>. It is a trigger that runs once a statement and sends a notification when
    /// the transaction commits; PostgreSQL lets transactions that do so commit one after the other, so it is for tables
    /// of some hundred inserting transactions a second, not for thousands. <c>migrate</c> makes the trigger, or the
    /// program itself where its Setup made the table. PostgreSQL only; elsewhere, and behind a pooler that swallows
    /// notifications, records are found by polling. Default false.
    /// </summary>
    public bool WakeOnInsert { get; set; }

    /// <summary>
    /// Whether the last lines that a handler writes to <see cref="PampaTask.Log"/> are added to the error text of its
    /// record when the attempt fails, of whatever level: 20 at most, each cut at 200 characters. The text as a whole is cut
    /// as ever, at 4,000 characters or the column's length. Default false.
    /// </summary>
    public bool CaptureLog { get; set; }

    /// <summary>
    /// The least version of a program whose workers may be given this job's tasks, for a deploy in which old and new processes run side
    /// by side: <c>2.3</c>. It is published with the job. Dispatchers of whatever version deal to no node below it, and such a node starts
    /// none of the job's tasks, gives back what it has in hand, and goes on with its other jobs; both know within ten seconds after the first
    /// process that demands it has started. Versions compare as in Semantic Versioning: one to four numbers, missing ones are 0, and
    /// <c>2.3-rc.1</c> comes before <c>2.3</c>. It must not be above the program's own (<see cref="PampaBuilder.ProgramVersion"/>). Default
    /// null: any.
    /// </summary>
    public string? MinProgramVersion { get; set; }

    /// <summary>
    /// Which records are tasks of this job, as a condition on the record's own columns: <c>$"active AND score &gt;
    /// {minimum}"</c>. It is checked when a record is reserved and again when it is started. Default: all.
    /// </summary>
    [DisallowNull]
    public Sql? Where
    {
        get => where?.Invoke();
        set => where = () => value;
    }

    /// <summary>
    /// The order in which due records are taken: <c>$"created_at DESC"</c>. The key breaks ties. Default: the key.
    /// </summary>
    public Sql? OrderBy { get; set; }

    /// <summary>As <see cref="Where"/>, with values that are taken anew for every statement.</summary>
    /// <param name="condition">
    /// Called often, by the loop that deals and by the one that hears of new records: it must be quick, wait for nothing, and not throw.
    /// </param>
    public void WhereEachCycle(Func<Sql> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        where = condition;
    }

    /// <summary>
    /// The code that runs for each task. Columns that it sets are written together with the completion.
    /// </summary>
    /// <param name="handler">Runs on a worker; may block. What it throws fails the attempt.</param>
    [OverloadResolutionPriority(0)]
    public void Process(Action<PampaTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Use(null, task =>
        {
            handler(task);
            return default;
        });
    }

    /// <inheritdoc cref="Process(Action{PampaTask})"/>
    [OverloadResolutionPriority(2)]
    public void Process(Func<PampaTask, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Use(null, task => new ValueTask(handler(task)));
    }

    /// <inheritdoc cref="Process(Action{PampaTask})"/>
    [OverloadResolutionPriority(1)]
    public void Process(Func<PampaTask, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Use(null, handler);
    }

    /// <summary>
    /// The code that runs for each task, with the record as an object. Properties match columns without regard to case
    /// and underscores. Properties of the returned row that differ from the record are written together with the
    /// completion: <c>job.Process&lt;Number&gt;((n, task) =&gt; n with { IsOdd = n.Value % 2 != 0 })</c>.
    /// </summary>
    /// <typeparam name="TRow">A class or record with a public constructor.</typeparam>
    /// <param name="handler">Returns the changed row.</param>
    [OverloadResolutionPriority(3)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, TRow> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow<TRow>((row, task) => new ValueTask<TRow>(handler(row, task)));
    }

    /// <inheritdoc cref="Process{TRow}(Func{TRow, PampaTask, TRow})"/>
    [OverloadResolutionPriority(5)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, Task<TRow>> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow<TRow>((row, task) => new ValueTask<TRow>(handler(row, task)));
    }

    /// <inheritdoc cref="Process{TRow}(Func{TRow, PampaTask, TRow})"/>
    [OverloadResolutionPriority(4)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, ValueTask<TRow>> handler) where TRow : notnull
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow(handler);
    }

    /// <summary>
    /// The code that runs for each task, with the record as an object whose properties it changes in place. Properties
    /// that differ afterwards (arrays by content) are written together with the completion.
    /// </summary>
    /// <typeparam name="TRow">A class or record with a public constructor.</typeparam>
    /// <param name="handler">Changes the row, or only reads it.</param>
    [OverloadResolutionPriority(0)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Action<TRow, PampaTask> handler) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow<TRow>((row, task) =>
        {
            handler(row, task);
            return new ValueTask<TRow>(row);
        });
    }

    /// <inheritdoc cref="Process{TRow}(Action{TRow, PampaTask})"/>
    [OverloadResolutionPriority(2)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, Task> handler) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow<TRow>(async (row, task) =>
        {
            await handler(row, task);
            return row;
        });
    }

    /// <inheritdoc cref="Process{TRow}(Action{TRow, PampaTask})"/>
    [OverloadResolutionPriority(1)]
    public void Process<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, ValueTask> handler) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(handler);
        UseRow<TRow>(async (row, task) =>
        {
            await handler(row, task);
            return row;
        });
    }

    /// <summary>
    /// The class that processes each task, made by dependency injection with a scope per task: <c>job.Process&lt;CheckOrder,
    /// Order&gt;()</c>. It need not be registered itself; what its constructor asks for must be. It is made once when the
    /// program starts, so that a missing service is found then and costs no attempt.
    /// </summary>
    /// <typeparam name="TJob">The class.</typeparam>
    /// <typeparam name="TRow">The type that records are mapped to.</typeparam>
    public void Process<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TJob,
        [DynamicallyAccessedMembers(RowMembers)] TRow>()
        where TJob : class, IJob<TRow> where TRow : notnull
    {
        if (Made<TJob>($"{nameof(Process)}<{typeof(TJob).Name}, {typeof(TRow).Name}>()", nameof(Process)) is not { } made) return;
        UseRow<TRow>((row, task) => made.UseAsync(job => job.ProcessAsync(row, task, task.CancellationToken)));
    }

    /// <summary>Checks everything that can be checked without a database.</summary>
    internal JobDefinition? Build(List<string> problems, bool needsCode = true, ProgramVersion? version = null)
    {
        if (handler is null && needsCode) errors.Add("no code: call Process");
        var definition = new JobDefinition
        {
            Name = Name,
            Table = table,
            Key = key,
            Columns = Columns ?? TaskColumns.WithPrefix(Name.Length == 0 ? "job" : Name.Replace('-', '_').Replace('.', '_')),
            Handler = handler ?? new TaskHandler(null, _ => default),
            MaxAssignedWorkers = MaxAssignedWorkers,
            MaxPendingTasks = MaxPendingTasks,
            Weight = Weight,
            WorkerFilter = WorkerFilter,
            QueueSize = QueueSize,
            MaxQueueSize = MaxQueueSize ?? Math.Max(1_000, Math.Max(QueueSize, TwoBatches)),
            MaxDuration = MaxDuration,
            MaxBatchWait = MaxBatchWait,
            MaxAttempts = MaxAttempts,
            Backoff = Backoff,
            FinishBy = finishBy,
            MaxWait = MaxWait,
            WakeOnInsert = WakeOnInsert,
            CaptureLog = CaptureLog,
            Where = where,
            OrderBy = OrderBy,
            PriorityColumn = PriorityColumn,
            DueColumn = DueColumn,
            Sequence = sequence,
            Selecting = Selecting(),
            Relaunching = Relaunching(),
            CountAsync = countAsync,
            Hooks = hooks,
            Allowing = Allowing(),
            WorkerOrder = workerOrder,
            IsPublished = IsPublished,
            LacksCondition = LacksCondition,
            LacksOrder = LacksOrder,
            LacksSelection = LacksSelection,
            LacksFinished = LacksFinished,
            Version = version,
            DeclaredMinimum = ProgramVersion.TryParse(MinProgramVersion),
        };
        JobValidation.Check(definition, errors);
        if (needsCode) CheckMinimum(definition);
        problems.AddRange(errors.Select(e => $"Job '{Name}': {e}."));
        return errors.Count == 0 ? definition : null;
    }

    private void CheckMinimum(JobDefinition definition)
    {
        if (MinProgramVersion is null) return;
        if (definition.DeclaredMinimum is not { } least) errors.Add($"MinProgramVersion must be a version like 2.3 or 2.3.1-rc.1, got '{MinProgramVersion}'");
        else if (!definition.AdmitsThis)
            errors.Add($"MinProgramVersion {least} is above this program's own version, which is {definition.Version?.ToString() ?? "not known"}, so nobody who runs it could do its tasks. Give the program that version (ProgramVersion, or Version in its project), or demand less");
    }

    private void Use(RowType? row, Func<PampaTask, ValueTask> runAsync, bool isTransactional = false) =>
        Use(new TaskHandler(row, runAsync) { IsTransactional = isTransactional });

    private void Use(TaskHandler given)
    {
        if (handler is not null)
        {
            var twice = handler.CalledAs == given.CalledAs
                ? $"{given.CalledAs} is called twice"
                : $"{handler.CalledAs} and {given.CalledAs} are both called";
            errors.Add($"{twice}; a job has one handler: remove one, or add a second job with its own columns");
        }
        handler = given;
    }

    private void UseRow<[DynamicallyAccessedMembers(RowMembers)] TRow>(Func<TRow, PampaTask, ValueTask<TRow>> run, bool isTransactional = false)
        where TRow : notnull
    {
        var type = RowType.Of<TRow>(errors);
        Use(type, task =>
        {
            var row = (TRow)task.ReadRow(type!);
            var before = type!.Snapshot(row);
            var running = run(row, task);
            if (!running.IsCompletedSuccessfully) return WriteLater(running, task, type, before);
            task.WriteRow(type, before, running.Result);
            return default;
        }, isTransactional);
    }

    private static async ValueTask WriteLater<TRow>(ValueTask<TRow> running, PampaTask task, RowType type, object?[] before)
        where TRow : notnull => task.WriteRow(type, before, await running);
}
