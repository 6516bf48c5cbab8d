namespace Pampa;

/// <summary>
/// A class that processes tasks, made by dependency injection once for each task: <see cref="JobBuilder.Process{TJob,
/// TRow}"/>.
/// </summary>
/// <typeparam name="TRow">The type that records are mapped to.</typeparam>
public interface IJob<TRow>
{
    /// <summary>
    /// Processes one task. Properties of the returned row that differ from the record are written together with the
    /// completion; what it throws fails the attempt.
    /// </summary>
    /// <param name="row">The record as it was when the attempt started.</param>
    /// <param name="task">The attempt: its number, its worker, its log, the columns by name.</param>
    /// <param name="cancellationToken">The same as <see cref="PampaTask.CancellationToken"/>.</param>
    /// <returns>The changed row, or the same one.</returns>
    ValueTask<TRow> ProcessAsync(TRow row, PampaTask task, CancellationToken cancellationToken);
}
