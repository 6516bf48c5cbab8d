using Pampa.Chaos.Work;

namespace Pampa.Chaos.Checks;

/// <summary>The seven state columns of a record at one moment.</summary>
internal sealed record RowState(string? Rid, DateTime? Rt, long N, DateTime? St, DateTime? Et, bool? Ok, string? Err)
{
    public static RowState New(DateTime? due = null) => new(null, due, 0, null, null, null, null);

    public override string ToString() => FormattableString.Invariant(
        $"rid={Rid ?? "-"} rt={Rt:HH:mm:ss.ffffff} n={N} st={St:HH:mm:ss.ffffff} et={Et:HH:mm:ss.ffffff} ok={Ok} err={Err}");
}

/// <summary>A row of leases as the statement that made a step saw it.</summary>
/// <param name="Process">The id of the process that has it; null: it says something else.</param>
/// <param name="Number">Session or term.</param>
/// <param name="IsLive">Whether it was not over by the database's clock.</param>
/// <param name="State">Of a worker: recovering, ready, resigned.</param>
internal sealed record LeaseSeen(int? Process, long Number, bool IsLive, string State = "");

/// <summary>One change of a record, as the trigger has seen it.</summary>
internal sealed record AuditStep(long Seq, DateTime At, DateTime Tx, string Actor, long Id, long Life, RowState Old, RowState New)
{
    public string? OldResult { get; init; }

    public string? NewResult { get; init; }

    public long OldTotal { get; init; }

    public long NewTotal { get; init; }

    /// <summary>The worker that holds the record, or gets it.</summary>
    public LeaseSeen? Worker { get; init; }

    public LeaseSeen? Lease { get; init; }

    /// <summary>The worker of the attempt.</summary>
    public string Rid => Old.Rid ?? New.Rid ?? "";

    public override string ToString() => FormattableString.Invariant(
        $"#{Seq} {At:HH:mm:ss.ffffff} by {(Actor.Length > 0 ? Actor : "?")} task {Id} life {Life}: {Old} -> {New}; worker {Worker}; lease {Lease}");
}

/// <summary>A change of a lease or of a worker's registration.</summary>
internal sealed record LeaseStep(DateTime At, DateTime Tx, string Kind, string Name, LeaseRow? Old, LeaseRow New);

/// <summary>Who had it, in which term or session, until when.</summary>
internal sealed record LeaseRow(string Holder, long Term, DateTime Expires);

/// <summary>What is known of a process.</summary>
/// <param name="Application">How it called itself.</param>
/// <param name="Id">Its id; of a node with workers in processes of their own that of the supervisor.</param>
/// <param name="IsIsolated">Whether it is such a node.</param>
/// <param name="From">When it was started.</param>
/// <param name="To">When it had ended.</param>
internal sealed record ProcessFacts(string Application, int Id, bool IsIsolated, DateTime From, DateTime? To)
{
    public IReadOnlyList<(DateTime From, DateTime? To)> Frozen { get; init; } = [];

    public int? ExitCode { get; init; }

    public bool WasKilled { get; init; }

    public bool WasStopped { get; init; }

    public bool MayBeRefused { get; init; }

    /// <summary>What it said at its end that it had done; null: it did not come to that.</summary>
    public Belief? Belief { get; init; }

    /// <summary>Lines of its log that tell of an error that it had not reckoned with.</summary>
    public IReadOnlyList<string> Surfaced { get; init; } = [];

    /// <summary>Whether it said that it could not take back at once all that a former life of its workers held.</summary>
    public bool SaidNotRecovered { get; init; }

    public string Member => Application.Split('~')[0];

    public bool RanFrom(DateTime from, DateTime to) =>
        From <= from && (To is null || To > to) && !Frozen.Any(f => f.From <= to && (f.To is null || f.To >= from));
}

/// <summary>What a process believes that it has done.</summary>
internal sealed record Belief(long Started, long Completed, long Again, long Failed, long Snoozed, long Forgiven, long Fenced)
{
    public static Belief operator +(Belief a, Belief b) => new(
        a.Started + b.Started, a.Completed + b.Completed, a.Again + b.Again, a.Failed + b.Failed,
        a.Snoozed + b.Snoozed, a.Forgiven + b.Forgiven, a.Fenced + b.Fenced);

    /// <summary>
    /// Attempts of which it may not know what became of them. Those that it gave back are among them, for it did not count all of their starts.
    /// </summary>
    public long Unknown => Math.Max(0, Started - Completed - Again - Failed - Snoozed - Fenced);
}

/// <summary>A record at the end.</summary>
internal sealed record FinalRow(long Id, Kind Kind, RowState State, long Total);

/// <summary>What a hook's statement has written.</summary>
/// <param name="What">start or end.</param>
/// <param name="Id">The task.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="Outcome">How it ended.</param>
internal sealed record HookEvent(string What, long Id, long Attempt, string Outcome);

/// <summary>What a run of all faults, of five minutes or more, is asked besides.</summary>
/// <param name="Minutes">How long faults were injected.</param>
/// <param name="LogBytes">What all processes have said.</param>
/// <param name="MemoryGrowth">How much the memory of the one grew that grew most, from its second minute on.</param>
/// <param name="HasFrozen">Whether a process that worked was frozen past its lease, which makes finishes come too late.</param>
internal sealed record FullRun(double Minutes, long LogBytes, long MemoryGrowth, bool HasFrozen = true);

/// <summary>A time in which somebody could not reach the database.</summary>
/// <param name="Applies">Whom it concerned.</param>
/// <param name="From">From when.</param>
/// <param name="To">Until when.</param>
internal sealed record Outage(Func<string, bool> Applies, DateTime From, DateTime To)
{
    /// <summary>Whether nobody could: the server itself was away.</summary>
    public bool IsOfAll { get; init; }
}

/// <summary>Everything that was written down, by whomever but the product.</summary>
internal sealed record History
{
    public required IReadOnlyList<AuditStep> Steps { get; init; }

    /// <summary>What handlers did, with the time on the database's clock.</summary>
    public required IReadOnlyList<(LedgerLine Line, DateTime At)> Ledger { get; init; }

    public IReadOnlyList<LeaseStep> Leases { get; init; } = [];

    public IReadOnlyList<ProcessFacts> Processes { get; init; } = [];

    public IReadOnlyList<FinalRow> Rows { get; init; } = [];

    public IReadOnlyList<(long Id, long Life, long Attempt)> Effects { get; init; } = [];

    /// <summary>What was written in the transactions of completions.</summary>
    public IReadOnlyList<(long Id, long Life, long Attempt)> Journal { get; init; } = [];

    public IReadOnlyList<Outage> Outages { get; init; } = [];

    /// <summary>Tasks whose INSERT was acknowledged.</summary>
    public IReadOnlyCollection<long> Inserted { get; init; } = [];

    /// <summary>What faults found wrong themselves.</summary>
    public IReadOnlyList<string> Complaints { get; init; } = [];

    public int MaxAttempts { get; init; } = Limits.MaxAttempts;

    /// <summary>The lowest limit of any build that took part.</summary>
    public int LeastMaxAttempts { get; init; } = Limits.MaxAttempts;

    /// <summary>The numbers of the changes between which a process had a false clock, where that is the database's: on SQLite.</summary>
    public IReadOnlyList<(long After, long To)> FalseClocks { get; init; } = [];

    /// <summary>Whether there were such.</summary>
    public bool HasFalseClocks => FalseClocks.Count > 0;

    /// <summary>Whether the time of a step may be that of a false clock.</summary>
    public bool MayBeFalse(AuditStep step) => FalseClocks.Any(f => f.After < step.Seq && step.Seq <= f.To);

    /// <summary>What statements of hooks have written.</summary>
    public IReadOnlyList<HookEvent> HookEvents { get; init; } = [];

    /// <summary>Of a run in which all must have happened that is to be shown.</summary>
    public FullRun? Full { get; init; }

    /// <summary>When all of this was read, by the one clock that was never false.</summary>
    public DateTime ReadAt { get; init; } = DateTime.MaxValue;

    public ProcessFacts? ProcessOf(string application) => Processes.FirstOrDefault(p => p.Application == application);

    public ProcessFacts? ProcessOf(int? id, DateTime at) => Processes.FirstOrDefault(p => p.Id == id && p.From <= at);
}
