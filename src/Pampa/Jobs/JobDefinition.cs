namespace Pampa.Jobs;

/// <summary>What a program says of a job, checked and fixed. Defaults stand in <see cref="JobBuilder"/>.</summary>
internal sealed record JobDefinition
{
    private volatile JobLimits? obeyed;
    private volatile ProgramVersion? published;

    public required string Name { get; init; }

    public required string Table { get; init; }

    public required IReadOnlyList<string> Key { get; init; }

    public required TaskColumns Columns { get; init; }

    public required TaskHandler Handler { get; init; }

    public int? MaxAssignedWorkers { get; init; }

    public int MaxPendingTasks { get; init; }

    public int Weight { get; init; } = 1;

    public string? WorkerFilter { get; init; }

    public int QueueSize { get; init; }

    public int MaxQueueSize { get; init; }

    /// <summary>The limits that this program says itself, and publishes.</summary>
    public JobLimits Declared { get; private init; } = new(0, TimeSpan.Zero);

    /// <summary>The limits that hold: those that were published last, by whatever program, as far as they are known here.</summary>
    public JobLimits Obeyed => obeyed ?? Declared;

    /// <summary>As it holds now: it may change while the program runs, so it is asked for when it is needed.</summary>
    public TimeSpan MaxDuration
    {
        get => Obeyed.MaxDuration;
        init => Declared = Declared with { MaxDuration = value };
    }

    public TimeSpan MaxBatchWait { get; init; }

    /// <summary>As it holds now, like <see cref="MaxDuration"/>.</summary>
    public int MaxAttempts
    {
        get => Obeyed.MaxAttempts;
        init => Declared = Declared with { MaxAttempts = value };
    }

    /// <summary>When its work shall be done; null: at no time.</summary>
    public FinishGoal? FinishBy { get; init; }

    /// <summary>How long a task may wait; null: as long as it must.</summary>
    public TimeSpan? MaxWait { get; init; }

    public bool WakeOnInsert { get; init; }

    public bool CaptureLog { get; init; }

    public required Backoff Backoff { get; init; }

    public Func<Sql>? Where { get; init; }

    /// <summary>Whether all that is known of it is what another program has published.</summary>
    public bool IsPublished { get; init; }

    /// <summary>Whether it has a <see cref="Where"/> that is not known here, for the code is another program's.</summary>
    public bool LacksCondition { get; init; }

    /// <summary>Whether it has an <see cref="OrderBy"/> that is not known here, for the code is another program's.</summary>
    public bool LacksOrder { get; init; }

    /// <summary>Whether it has a <see cref="Selecting"/> that is not known here, for the code is another program's.</summary>
    public bool LacksSelection { get; init; }

    /// <summary>Whether it has an OnFinished that is not known here, for the code is another program's.</summary>
    public bool LacksFinished { get; init; }

    public Sql? OrderBy { get; init; }

    /// <summary>The column of the priority; null: there is none.</summary>
    public string? PriorityColumn { get; init; }

    /// <summary>The column of the time before which a record is not due; null: only the reservation time counts.</summary>
    public string? DueColumn { get; init; }

    /// <summary>Which records are done one after the other; null: none need be.</summary>
    public Sequencing? Sequence { get; init; }

    /// <summary>Whether records come in another order than the key's.</summary>
    public bool HasOwnOrder => OrderBy is not null || LacksOrder || PriorityColumn is not null || DueColumn is not null;

    /// <summary>How records are chosen otherwise than by condition and order; null: by these.</summary>
    public Selecting? Selecting { get; init; }

    /// <summary>When ended records run again by themselves; null: never.</summary>
    public Relaunching? Relaunching { get; init; }

    /// <summary>Counts its records in place of Pampa; null: nothing does.</summary>
    public Func<ReportContext, CancellationToken, Task<Report>>? CountAsync { get; init; }

    /// <summary>What is done when its tasks start, have ended or are to run again.</summary>
    public Hooks Hooks { get; init; } = Hooks.None;

    /// <summary>Which workers may be given work of it now; null: all.</summary>
    public Allowing? Allowing { get; init; }

    /// <summary>Which of the workers is given a record first; null: the one with the emptiest hand.</summary>
    public WorkerOrder? WorkerOrder { get; init; }

    /// <summary>The version of this program; null: it has none that can be read.</summary>
    public ProgramVersion? Version { get; init; }

    /// <summary>The least version that this program demands of itself and others; null: none.</summary>
    public ProgramVersion? DeclaredMinimum { get; init; }

    /// <summary>
    /// The least version of a program that may be given its tasks, as it holds now: whoever demands more, this program or the one that has
    /// published the job. Null: any may.
    /// </summary>
    public ProgramVersion? Minimum => published is not { } said ? DeclaredMinimum : said.CompareTo(DeclaredMinimum) > 0 ? said : DeclaredMinimum;

    /// <summary>Whether a program of this version may be given its tasks; one without a version may not where one is demanded.</summary>
    public bool Admits(ProgramVersion? version) => Minimum is not { } least || (version is not null && version.CompareTo(least) >= 0);

    /// <summary>Whether this program may do its tasks.</summary>
    public bool AdmitsThis => Admits(Version);

    /// <summary>So much is demanded by whoever has published the job; null: nothing.</summary>
    public void Demand(ProgramVersion? minimum) => published = minimum;

    /// <summary>These limits hold from now on, whatever the program itself says.</summary>
    public void Obey(JobLimits limits) => obeyed = limits;
}

/// <summary>The limits that processes must agree on: what one takes for failed or overdue, another must not take for due or at work.</summary>
/// <param name="MaxAttempts">How often a task is started at most.</param>
/// <param name="MaxDuration">How long an attempt may take.</param>
internal sealed record JobLimits(int MaxAttempts, TimeSpan MaxDuration);

/// <summary>The code of a job, whichever of the shapes of <c>Process</c> it was given in.</summary>
/// <param name="Row">The type that records are mapped to, or null where the handler takes the task itself.</param>
/// <param name="RunAsync">Runs one task.</param>
internal sealed record TaskHandler(RowType? Row, Func<PampaTask, ValueTask> RunAsync)
{
    /// <summary>Whether it runs in a transaction that ends with the completion.</summary>
    public bool IsTransactional { get; init; }

    /// <summary>How it takes many tasks at once; null: it takes them one by one.</summary>
    public BatchHandler? Batch { get; init; }

    /// <summary>How the program has called what gave it.</summary>
    public string CalledAs => Batch is not null ? nameof(JobBuilder.ProcessBatch)
        : IsTransactional ? nameof(JobBuilder.ProcessInTransaction) : nameof(JobBuilder.Process);
}

/// <summary>The code of a job that takes many tasks at once.</summary>
/// <param name="Size">How many at most.</param>
/// <param name="Make">Makes a task what the code takes; throws where its record does not fit the row type.</param>
/// <param name="RunAsync">Runs them.</param>
internal sealed record BatchHandler(int Size, Func<PampaTask, BatchTask> Make, Func<BatchTask[], CancellationToken, ValueTask> RunAsync);
