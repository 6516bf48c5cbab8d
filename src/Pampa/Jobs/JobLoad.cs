using Microsoft.Extensions.Logging;

namespace Pampa.Jobs;

/// <summary>Who runs statements of a job, in the order of a record's way.</summary>
internal enum JobStep
{
    Dispatch,
    Start,
    Finish,
}

/// <summary>
/// The load of one job on this process's node: who has what in hand, and how long tasks take. From it follow how many
/// records a worker should have in hand and how many it may start ahead.
/// </summary>
internal sealed partial class JobLoad(JobDefinition job, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan DispatchInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestHand = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AheadWork = TimeSpan.FromMilliseconds(50);

    // A worker that starts one at a time stands still for a START after each task: with tasks of 5 ms that is half of its time. From here on it is little.
    private static readonly TimeSpan QuickTask = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ProbeEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Caution = TimeSpan.FromHours(1);

    // Longer than any statement runs, and than a server needs to see that its client is gone.
    private static readonly TimeSpan LateStart = TimeSpan.FromMinutes(2);
    private const int EnoughMeasured = 200;

    // The one that runs, and the one that follows it.
    private const int LeastAhead = 2;
    private volatile IReadOnlyList<Hand> hands = [];
    private int doubts;
    private int settledDoubts;
    private int givenBack;
    private JobStep? suspendedBy;
    private long suspendedAt;
    private long measuredAt;
    private long diedAt;
    private int starting;
    private int starts;
    private volatile bool mayStartAhead;
    private volatile bool startsAtOnce;
    private long startLostAt;
    private string? reportFault;

    /// <summary>Where is said what becomes of the job.</summary>
    public ILogger Log => log;

    public Durations Durations { get; } = new();

    /// <summary>What is told outside.</summary>
    public JobMeter Meter { get; } = new(job.Name);

    /// <summary>Somebody else's lock on the whole table.</summary>
    public TableLock TableLock { get; } = new(job, log, time);

    /// <summary>One hand for each worker that is ready; replaced as a whole when the node registers.</summary>
    public IReadOnlyList<Hand> Hands
    {
        get => hands;
        set => hands = value;
    }

    /// <summary>
    /// True after a RESERVE or START whose answer was lost: nothing more is reserved or started until the node has read
    /// back what its workers really hold.
    /// </summary>
    public bool IsInDoubt => Volatile.Read(ref doubts) != Volatile.Read(ref settledDoubts);

    /// <summary>How often that has happened.</summary>
    public int Doubts => Volatile.Read(ref doubts);

    /// <summary>It has happened.</summary>
    public void Doubt() => Interlocked.Increment(ref doubts);

    /// <summary>
    /// What is held has been read back. Doubt that arose after the reading began, when <see cref="Doubts"/> was
    /// <paramref name="before"/>, needs another one.
    /// </summary>
    public void SettleDoubts(int before) => Volatile.Write(ref settledDoubts, before);

    /// <summary>Records were given back: the dispatcher shall look for them at once.</summary>
    public void GiveBack() => Volatile.Write(ref givenBack, 1);

    /// <summary>Whether some were since the last call.</summary>
    public bool TakeGivenBack() => Volatile.Read(ref givenBack) != 0 && Interlocked.Exchange(ref givenBack, 0) != 0;

    /// <summary>
    /// Whether whoever deals, in this same process, starts with the same statement what he reserves: it saves a write, and a round trip for
    /// which the workers would wait. Set anew with each look at the hands.
    /// </summary>
    public bool StartsAtOnce
    {
        get => startsAtOnce;
        set => startsAtOnce = value;
    }

    /// <summary>
    /// Whether he may: where tasks may be started ahead, are chosen by condition and order alone, and nobody has died with started ones lately. For
    /// that is the price: all that was started and not run when a process dies is charged an attempt.
    /// </summary>
    public bool MayStartAtOnce =>
        mayStartAhead && job is { Sequence: null, Selecting: null } && (diedAt == 0 || time.GetElapsedTime(Volatile.Read(ref diedAt)) >= Caution);

    /// <summary>Somebody has died, or was lost, with started tasks of the job.</summary>
    public void NoteDeath() => Volatile.Write(ref diedAt, time.GetTimestamp());

    /// <summary>Whether tasks may be started for a worker as they are reserved. Set by its node.</summary>
    public Func<int, AtOnce> AtOnce { get; set; } = _ => Jobs.AtOnce.NotNow;

    /// <summary>
    /// A statement that starts at once is under way until the end of the scope and all that came of it is delivered: whoever reads back what
    /// the workers hold meanwhile cannot know yet whose it is.
    /// </summary>
    public Starting BeginStart()
    {
        Interlocked.Increment(ref starting);
        return new Starting(this);
    }

    /// <summary>The scope of such a statement.</summary>
    public readonly record struct Starting(JobLoad Load) : IDisposable
    {
        public void Dispose()
        {
            Interlocked.Increment(ref Load.starts);
            Interlocked.Decrement(ref Load.starting);
        }
    }

    /// <summary>How many of them have been over; null while one is under way.</summary>
    public int? Starts => Volatile.Read(ref starting) > 0 ? null : Volatile.Read(ref starts);

    /// <summary>
    /// Whether the answer to one was lost lately: what it has started nobody has run. That may show late, for it may reach the server when the
    /// records were read back already, without a trace of it.
    /// </summary>
    public bool IsStartLost => Volatile.Read(ref startLostAt) is var at and not 0 && time.GetElapsedTime(at) < LateStart;

    /// <summary>It was.</summary>
    public void LoseStart() => Volatile.Write(ref startLostAt, time.GetTimestamp());

    /// <summary>
    /// Whether a step rests because a statement of the job does not fit the table as it is now. It rests for half a
    /// minute, then the step whose statement it was tries again; what comes before it waits until that has worked. What
    /// comes after it goes on: a process that leads no more never dispatches again, and its results must be written.
    /// </summary>
    public bool IsSuspendedFor(JobStep step) => suspendedBy is { } by && (by == step ? IsSuspended : by > step);

    /// <summary>Whether the step itself rests, whatever becomes of those after it in this process.</summary>
    public bool IsSuspendedAt(JobStep step) => suspendedBy == step && IsSuspended;

    /// <summary>Whether the job rests and nothing at all is tried.</summary>
    public bool IsSuspended => suspendedBy is not null && time.GetElapsedTime(suspendedAt) < ProbeEvery;

    /// <summary>Suspends the job. One line tells of it, not one a try.</summary>
    public void Suspend(JobStep step, Exception error)
    {
        if (suspendedBy is null) Suspended(log, job.Name, ErrorText.WithRemedy(error));
        suspendedBy = step;
        suspendedAt = time.GetTimestamp();
    }

    /// <summary>A statement of the step has worked.</summary>
    public void Resume(JobStep step)
    {
        if (suspendedBy != step) return;
        suspendedBy = null;
        Resumed(log, job.Name);
    }

    /// <summary>
    /// How many records a worker should have in hand: two dispatch intervals of work, between the job's limits.
    /// </summary>
    public int Depth { get; private set; } = Least(job, null);

    /// <summary>The same without the job's least: enough for a worker while another one has nothing to do.</summary>
    public int Enough { get; private set; } = job.QueueSize;

    /// <summary>How many records a worker may have started and not yet run; of a job with batches, how many it runs at once.</summary>
    public int Ahead { get; private set; } = job.Handler.Batch?.Size ?? 1;

    /// <summary>
    /// How many records a worker has in hand at least. Of batches two: one that it takes, and one that fills meanwhile. But one where a
    /// batch takes so long that what waits behind it would only be given back.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <param name="p90">How long nine of ten of its tasks take at most; null where none has ended yet.</param>
    public static int Least(JobDefinition job, TimeSpan? p90)
    {
        if (job.Handler.Batch is not { } batch) return job.QueueSize;
        var isLong = p90 is { } each && batch.Size * each >= LongestHand;
        var batches = isLong && job.MaxBatchWait == TimeSpan.Zero ? 1 : 2;
        return Math.Clamp(batches * batch.Size, job.QueueSize, job.MaxQueueSize);
    }

    /// <summary>How many records are so much work, never more than a second of it and between the job's limits.</summary>
    public static int DepthFor(JobDefinition job, TimeSpan p90, TimeSpan work) =>
        (int)Math.Clamp((work < LongestHand ? work : LongestHand) / p90, Least(job, p90), job.MaxQueueSize);

    /// <summary>
    /// How long a record that is reserved may wait for its start: all that can be before it in a hand, and never less
    /// than a minute.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <param name="p90">How long nine of ten of its tasks take at most; null where none has ended yet.</param>
    public static TimeSpan HandTimeout(JobDefinition job, TimeSpan? p90)
    {
        // A batch is over within the time of one.
        var each = p90 ?? job.MaxDuration / (job.Handler.Batch?.Size ?? 1);
        var all = (each > TimeSpan.Zero ? DepthFor(job, each, LongestHand) : job.MaxQueueSize) * each;
        return all > ShortestTimeout ? all : ShortestTimeout;
    }

    /// <summary>Computes depth and start-ahead anew, at most every tenth of a second.</summary>
    public void Measure()
    {
        if (Durations.Count == 0 || (measuredAt != 0 && time.GetElapsedTime(measuredAt) < DispatchInterval)) return;
        measuredAt = time.GetTimestamp();
        var p90 = Math.Max(Durations.Percentile(0.90)!.Value.TotalSeconds, 1e-6);
        var rows = 2 * DispatchInterval.TotalSeconds / p90;
        Depth = DepthFor(job, TimeSpan.FromSeconds(p90), 2 * DispatchInterval);
        Enough = (int)Math.Clamp(rows, 1, job.MaxQueueSize);
        // A task with a transaction, its own or its hooks', is settled by itself: the next one of its worker may wait for its locks.
        var areTogether = !job.Handler.IsTransactional && !job.Hooks.AreInTransactions;
        mayStartAhead = job.Handler.Batch is null && areTogether && job.MaxAttempts >= 2
            && Durations.Count >= EnoughMeasured && Durations.Percentile(0.99) < QuickTask;
        var most = Math.Min(Limits.StartAheadRows, job.MaxQueueSize);
        if (job.Handler.Batch is null) Ahead = mayStartAhead ? (int)Math.Clamp(AheadWork / TimeSpan.FromSeconds(p90), Math.Min(LeastAhead, most), most) : 1;
    }

    [LoggerMessage(1, LogLevel.Error, "Job '{Job}' is suspended, its statements do not fit the database as it is now; the next try is in 30 s: {Error}")]
    private static partial void Suspended(ILogger log, string job, string error);

    /// <summary>The table has changed, and the job gets on with it as it is now.</summary>
    public void GoOnWithChangedTable() => TableChanged(log, job.Name, job.Table);

    [LoggerMessage(3, LogLevel.Information, "Job '{Job}': table '{Table}' has changed; it is used as it is now")]
    private static partial void TableChanged(ILogger log, string job, string table);

    /// <summary>The job's own counts have failed, or not: one line tells of either.</summary>
    public void TellOfReport(string? fault)
    {
        if ((fault is null) == (reportFault is null)) return;
        reportFault = fault;
        if (fault is null) ReportWorks(log, job.Name);
        else ReportFails(log, job.Name, fault);
    }

    [LoggerMessage(7, LogLevel.Warning, "Job '{Job}': its Report fails, the records are counted without it; told once: {Error}")]
    private static partial void ReportFails(ILogger log, string job, string error);

    [LoggerMessage(8, LogLevel.Information, "Job '{Job}': its Report works again")]
    private static partial void ReportWorks(ILogger log, string job);

    [LoggerMessage(2, LogLevel.Information, "Job '{Job}' goes on")]
    private static partial void Resumed(ILogger log, string job);
}
