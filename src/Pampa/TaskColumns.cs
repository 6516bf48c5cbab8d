namespace Pampa;

/// <summary>
/// The names of the state columns that a job keeps on each record. The names are yours; every one of the seven must
/// exist, under whatever name. Two jobs on one table use two sets.
/// </summary>
/// <remarks>
/// Names are matched with the table's catalog, first exactly, then without regard to case, and always quoted.
/// </remarks>
public sealed record TaskColumns
{
    /// <summary>
    /// Text: the id of the worker that holds the record, for example <c>local.1</c>; NULL while nobody does.
    /// </summary>
    public string ReservationId { get; init; } = "reservation_id";

    /// <summary>
    /// Timestamp: when the record was reserved; while nobody holds it, the time before which it is not due.
    /// An application may insert a record with a time in the future: that is a scheduled task.
    /// </summary>
    public string ReservationTime { get; init; } = "reservation_time";

    /// <summary>Integer: how many times the task was started. NULL reads as 0.</summary>
    public string ReservationTimes { get; init; } = "reservation_times";

    /// <summary>Timestamp: when the current or last attempt was started.</summary>
    public string StartTime { get; init; } = "start_time";

    /// <summary>Timestamp: when the task completed or failed for good; NULL until then.</summary>
    public string EndTime { get; init; } = "end_time";

    /// <summary>Boolean: whether the last attempt succeeded; NULL before the first one ends.</summary>
    public string Success { get; init; } = "success";

    /// <summary>Text: why the last attempt failed, cut to the column's length; NULL after a success.</summary>
    public string ErrorDescription { get; init; } = "error_description";

    /// <summary>
    /// Integer, optional (default none): how many times a completed record was made pending again. It is part of
    /// <see cref="PampaTask.IdempotencyKey"/>, so that each round has a key of its own; a job that relaunches by itself has
    /// no such key without it.
    /// </summary>
    public string? Generation { get; init; }

    /// <summary>
    /// The seven names of the original library with a prefix: <c>{prefix}_reservation_id</c>,
    /// <c>…_reservation_time</c>, <c>…_reservation_times</c>, <c>…_start_time</c>, <c>…_end_time</c>, <c>…_success</c>,
    /// <c>…_error_description</c>.
    /// </summary>
    /// <param name="prefix">For example <c>odd_checking</c>. Must not be empty.</param>
    public static TaskColumns WithPrefix(string prefix)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(prefix);
        return new TaskColumns
        {
            ReservationId = $"{prefix}_reservation_id",
            ReservationTime = $"{prefix}_reservation_time",
            ReservationTimes = $"{prefix}_reservation_times",
            StartTime = $"{prefix}_start_time",
            EndTime = $"{prefix}_end_time",
            Success = $"{prefix}_success",
            ErrorDescription = $"{prefix}_error_description",
        };
    }
}
