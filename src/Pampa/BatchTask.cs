using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>
/// One task of a batch. What is said of it stands, whatever becomes of the rest: it is written with the next statement, and
/// the task is not run again when the handler throws later on. Of whom nothing was said when the handler returns is
/// completed. Different tasks of a batch may be used by different threads.
/// </summary>
public class BatchTask : PampaTask
{
    private const int Open = 0;
    private const int Said = 1;
    private const int Over = 2;
    private int state;
    private bool isTaken;

    internal BatchTask(PampaTask origin) : base(origin)
    {
    }

    /// <summary>Takes in what the handler says: null for done, else why not.</summary>
    internal Action<BatchTask, Exception?> Telling { private get; set; } = (_, _) => { };

    /// <summary>How many tasks the handler was given together with this one, itself included.</summary>
    internal int Company { get; set; } = 1;

    /// <summary>Whether the handler has said what came of it.</summary>
    public bool HasOutcome => Volatile.Read(ref state) == Said;

    /// <summary>
    /// The task is done: it is completed now, with the columns that were set, and need not wait for the rest of the batch.
    /// </summary>
    /// <exception cref="InvalidOperationException">Its outcome was said before, or the handler has returned.</exception>
    public void Complete() => Say(null);

    /// <summary>
    /// The attempt has failed: the task is tried again after the back-off, by itself, or has failed for good where no attempt is left.
    /// Columns that were set are dropped.
    /// </summary>
    /// <param name="error">Stored in the record's error column as it is.</param>
    /// <param name="permanently">Whether trying again cannot help: then it has failed for good, whatever attempts are left.</param>
    /// <exception cref="InvalidOperationException">Its outcome was said before, or the handler has returned.</exception>
    public void Fail(string error, bool permanently = false)
    {
        ArgumentNullException.ThrowIfNull(error);
        Say(new SaidFailureException(error, permanently));
    }

    /// <summary>
    /// As if the handler had thrown it for this task alone: a <see cref="PermanentFailureException"/> fails it for good, a
    /// <see cref="SnoozeException"/> puts it off, a cancellation by a stop costs no attempt.
    /// </summary>
    /// <param name="error">Its text is stored in the record's error column.</param>
    /// <exception cref="InvalidOperationException">Its outcome was said before, or the handler has returned.</exception>
    public void Fail(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        Say(error);
    }

    /// <summary>Puts the task off for a while: no attempt is counted, and the columns that were set are written.</summary>
    /// <param name="delay">From now by the database's clock. Below zero counts as zero; at most ten years.</param>
    /// <exception cref="InvalidOperationException">Its outcome was said before, or the handler has returned.</exception>
    public void Snooze(TimeSpan delay) => Say(new SnoozeException(delay));

    /// <summary>Puts the task off until a moment: no attempt is counted, and the columns that were set are written.</summary>
    /// <param name="until">The moment; one in the past means now.</param>
    /// <exception cref="InvalidOperationException">Its outcome was said before, or the handler has returned.</exception>
    public void Snooze(DateTimeOffset until) => Say(new SnoozeException(until));

    /// <summary>The handler has ended: nothing can be said any more. True: nothing was.</summary>
    internal bool TryClose() => Interlocked.CompareExchange(ref state, Over, Open) == Open;

    internal override ColumnChanges? TakeChanges()
    {
        try
        {
            return base.TakeChanges();
        }
        finally
        {
            isTaken = true;
        }
    }

    private protected override void CheckOpen()
    {
        if (isTaken) throw new InvalidOperationException($"Job '{Job}': what came of record {Key} is settled, so that nothing of it can be set any more. Set columns first.");
    }

    private void Say(Exception? error)
    {
        switch (Interlocked.CompareExchange(ref state, Said, Open))
        {
            case Said:
                throw new InvalidOperationException($"Job '{Job}': what came of record {Key} was said before, and stands. Say it once for each task of a batch.");
            case Over:
                throw new InvalidOperationException($"Job '{Job}': the handler of the batch of record {Key} has ended, and what came of it is settled. Await all that it starts.");
            default:
                Telling(this, error);
                isTaken = true;
                break;
        }
    }
}

/// <summary>One task of a batch, with its record as an object.</summary>
/// <typeparam name="TRow">The type that records are mapped to.</typeparam>
public sealed class BatchTask<TRow> : BatchTask where TRow : notnull
{
    private readonly RowType type;
    private readonly object?[] before;
    private TRow row;

    internal BatchTask(PampaTask origin, RowType type) : base(origin)
    {
        this.type = type;
        row = (TRow)ReadRow(type);
        before = type.Snapshot(row);
    }

    /// <summary>
    /// The record as it was when the attempt started. Properties that differ from that when the task is completed or put off (arrays by content)
    /// are written: change the row in place, or set another one: <c>task.Row = task.Row with { IsOdd = true }</c>.
    /// </summary>
    /// <exception cref="ArgumentNullException">The row to set is null.</exception>
    /// <exception cref="InvalidOperationException">What came of the task is settled.</exception>
    public TRow Row
    {
        get => row;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            CheckOpen();
            row = value;
        }
    }

    internal override ColumnChanges? TakeChanges()
    {
        WriteRow(type, before, row);
        return base.TakeChanges();
    }
}
