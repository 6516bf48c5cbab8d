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
/// <param name="Error">The error text of the last attempt, if it failed.</param>
public sealed record TaskInfo(
    string Key, TaskState State, string? Worker, int Attempts, DateTimeOffset? ReservedAt, DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt, string? Error);
