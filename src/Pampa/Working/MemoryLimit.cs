namespace Pampa.Working;

/// <summary>
/// The memory that this process may have. A handler that meets it has failed, and the process ends: what it holds may be what the next
/// task lacks.
/// </summary>
/// <param name="megabytes">How much.</param>
internal sealed class MemoryLimit(int megabytes)
{
    private readonly TaskCompletionSource exceeded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when a handler has met it.</summary>
    public Task Exceeded => exceeded.Task;

    /// <summary>What there is to say of it, where that is what an error is about; null: it is another error.</summary>
    public string? Explain(Exception error)
    {
        if (!IsOutOfMemory(error)) return null;
        exceeded.TrySetResult();
        return FormattableString.Invariant($"worker over its MaxRam of {megabytes} MB");
    }

    private static bool IsOutOfMemory(Exception? error) => error switch
    {
        null => false,
        OutOfMemoryException => true,
        AggregateException many => many.InnerExceptions.Any(IsOutOfMemory),
        _ => IsOutOfMemory(error.InnerException),
    };
}
