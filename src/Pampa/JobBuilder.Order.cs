using Pampa.Jobs;

namespace Pampa;

/// <content>Columns that say when, and after which others, a record is done.</content>
public sealed partial class JobBuilder
{
    private Sequencing? sequence;

    /// <summary>
    /// The column of the record's priority, a whole number: records with a lower number are taken first, whatever <see
    /// cref="OrderBy"/> and the key say; these decide among equals. NULL counts as 0, and a number below 0 goes before it. It decides
    /// which due record is reserved next; what a worker has in hand already is done before it. <c>migrate</c> makes the index that
    /// keeps it quick. Default null: there are no priorities.
    /// </summary>
    /// <example><code>job.PriorityColumn = "priority";</code></example>
    public string? PriorityColumn { get; set; }

    /// <summary>
    /// A column of the record with the time before which it is not due, beside the reservation time, which keeps back-offs: a record is
    /// scheduled until both are past. NULL is past. Pampa never writes it. Records come in its order (then the key's), unless <see
    /// cref="OrderBy"/> says otherwise. It is asked when a record is reserved and again when it is started, so that one that was put
    /// off meanwhile does not start. Where very many records are scheduled far ahead, declare it NOT NULL: then the index that
    /// <c>migrate</c> makes finds what is due without passing by the rest. Default null: only the reservation time counts.
    /// </summary>
    /// <example><code>job.DueColumn = "send_at";</code></example>
    public string? DueColumn { get; set; }

    /// <summary>
    /// Records with the same value of a column, for example <c>customer_id</c>, are done strictly one after the other, in the job's
    /// order; different values go on beside each other. A record is reserved only when every record of its value that comes before it
    /// has ended, and nobody holds another one. One that waits for its next attempt, or for its time, holds up those behind it; so
    /// does one that has failed for good, wherever it stands, until it is retried, unless <paramref name="goesOnAfterFailure"/>
    /// says otherwise. A record without a value (NULL) waits for nobody.
    /// </summary>
    /// <param name="column">The column; with <see cref="InSequenceBy(IReadOnlyList{string}, bool)"/> several.</param>
    /// <param name="goesOnAfterFailure">Whether those behind a record that has failed for good are done. Default false: they wait for
    /// somebody to look at it.</param>
    public void InSequenceBy(string column, bool goesOnAfterFailure = false)
    {
        ArgumentNullException.ThrowIfNull(column);
        InSequenceBy([column], goesOnAfterFailure);
    }

    /// <inheritdoc cref="InSequenceBy(string, bool)"/>
    /// <param name="columns">The columns; a record is in a sequence if none of them is NULL.</param>
    /// <param name="goesOnAfterFailure">Whether those behind a record that has failed for good are done. Default false.</param>
    public void InSequenceBy(IReadOnlyList<string> columns, bool goesOnAfterFailure = false)
    {
        ArgumentNullException.ThrowIfNull(columns);
        if (sequence is not null) errors.Add("InSequenceBy is called twice; a job has one sequence: name all of its columns at once");
        sequence = new Sequencing([.. columns], goesOnAfterFailure);
    }
}
