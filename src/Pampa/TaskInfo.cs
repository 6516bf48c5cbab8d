namespace Pampa;

/// <summary>One record of a job as it stands in the table.</summary>
/// <param name="Key">
/// The record's key as text, as <see cref="PampaTask.Key"/> gives it and as <see cref="PampaCluster"/> takes it.
/// </param>
/// <param name="State">Its state.</param>
/// <param name="Worker">The worker that holds it or has ended it; null where nobody has.</param>
/// <param name="Attempts">How many attempts were started.</param>
/// <param name="ReservedAt">When it was reserved or, while nobody holds it, when it is due.</param>
/// <param name="StartedAt">When its last attempt started.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="Error">
/// The error text of the last attempt, if it failed. In a page of many it is cut to 500 characters and ends with <c>…</c> then.
/// </param>
public sealed record TaskInfo(
    string Key, TaskState State, string? Worker, int Attempts, DateTimeOffset? ReservedAt, DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt, string? Error)
{
    /// <summary>The values of the columns that were asked for, in the table's order.</summary>
    public IReadOnlyList<TaskValue> Values { get; init; } = [];
}

/// <summary>A column's value.</summary>
/// <param name="Column">The column.</param>
/// <param name="Text">The value as text, bytes as <c>0x…</c>; null: it is NULL. At most 1,000 characters in a page, 4,000 of a single record.</param>
/// <param name="IsCut">Whether it has more characters.</param>
public sealed record TaskValue(string Column, string? Text, bool IsCut);

/// <summary>A column of a job's table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, as the database calls it.</param>
/// <param name="IsKey">Whether it is one of the key.</param>
/// <param name="IsState">Whether the job keeps its state in it.</param>
public sealed record TaskColumn(string Name, string Type, bool IsKey, bool IsState)
{
    /// <summary>
    /// Whether the job keeps its error texts in it (<see cref="TaskColumns.ErrorDescription"/>), which may quote secrets: whoever hides parts of
    /// them lets nobody search the column. Default: no.
    /// </summary>
    public bool IsError { get; init; }
}
