using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>
/// A record that START gave to its worker: the fence, the values of the record columns of <paramref name="Table"/>, which is the
/// table as it was then, and its generation.
/// </summary>
internal sealed record StartedTask(JobTable Table, Fence Fence, object?[] Values, long Generation)
{
    /// <summary>The reservation that was started.</summary>
    public Claim Claim { get; init; }
}

/// <summary>How an attempt ended (PROTOCOL T3, T4, T5, T10, T11).</summary>
internal enum Outcome
{
    /// <summary>T3: done.</summary>
    Completed,

    /// <summary>T4: failed, pending again after a delay.</summary>
    Again,

    /// <summary>T5: failed for good.</summary>
    Failed,

    /// <summary>T10: interrupted without fault of the task; the attempt does not count.</summary>
    Forgiven,

    /// <summary>T11: the handler put it off; the attempt does not count.</summary>
    Snoozed,
}

/// <summary>
/// The result of an attempt. <paramref name="Changes"/> are the columns that the handler set; they are written only with
/// <see cref="Outcome.Completed"/> and <see cref="Outcome.Snoozed"/>.
/// </summary>
internal sealed record TaskResult(
    Fence Fence,
    Outcome Outcome,
    double DelaySeconds = 0,
    DateTimeOffset? Until = null,
    string? Error = null,
    ColumnChanges? Changes = null)
{
    /// <summary>The reservation that the attempt came from.</summary>
    public Claim Claim { get; init; }

    /// <summary>
    /// The completion that may stand in the table already: the answer to its commit was lost. This result is a compare-and-set
    /// and waits for the record's lock, so it is taken only if that commit has failed for ever.
    /// </summary>
    public TaskResult? InDoubt { get; init; }

    /// <summary>The record's columns after the attempt; null where nobody has run it, or nobody wants to be told.</summary>
    public RecordValues? Values { get; init; }

    /// <summary>
    /// Whether it is written without the statements of its job's hooks: its start was, or they were refused.
    /// </summary>
    public bool LeavesOutHooks { get; init; }

    /// <summary>The same where a task is started so often at most: the last attempt has failed for good.</summary>
    public TaskResult Within(int maxAttempts) => IsWithin(maxAttempts) ? this : this with { Outcome = Outcome.Failed, DelaySeconds = 0 };

    /// <summary>Whether that is the same.</summary>
    public bool IsWithin(int maxAttempts) => Outcome != Outcome.Again || Fence.Attempt < maxAttempts;
}

/// <summary>
/// Changed columns of one record: sorted indexes into the record columns of the table as it was when the task was started, and
/// their values, encoded by the dialect.
/// </summary>
internal sealed record ColumnChanges(JobTable Table, int[] Columns, string?[] Values)
{
    /// <summary>The same for the table as it is now; null where that lacks one of the columns.</summary>
    public ColumnChanges? For(JobTable now)
    {
        var changes = new SortedList<int, string?>();
        for (var i = 0; i < Columns.Length; i++)
        {
            var name = Table.RecordColumns[Columns[i]].Name;
            if (!now.HasRecordColumn(name)) return null;
            changes[now.RecordColumn(name)] = Values[i];
        }
        return new ColumnChanges(now, [.. changes.Keys], [.. changes.Values]);
    }

    /// <summary>Whether one statement can write both; null: nothing was changed.</summary>
    public static bool AreAlike(ColumnChanges? a, ColumnChanges? b) => ReferenceEquals(a, b)
        || (a is not null && b is not null && a.Table == b.Table && a.Columns.AsSpan().SequenceEqual(b.Columns));
}
