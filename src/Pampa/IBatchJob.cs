namespace Pampa;

/// <summary>
/// A class that processes batches of tasks, made by dependency injection once for each call: <see
/// cref="JobBuilder.ProcessBatch{TJob, TRow}(int)"/>.
/// </summary>
/// <typeparam name="TRow">The type that records are mapped to.</typeparam>
public interface IBatchJob<TRow> where TRow : notnull
{
    /// <summary>
    /// Processes the tasks. Those of which it says nothing are completed; where it throws, it is called again with the halves of
    /// them, so that only the task at fault fails.
    /// </summary>
    /// <param name="tasks">One task or more, in the job's order, each with its row.</param>
    /// <param name="cancellationToken">Cancelled when the attempts must end.</param>
    ValueTask ProcessAsync(IReadOnlyList<BatchTask<TRow>> tasks, CancellationToken cancellationToken);
}
