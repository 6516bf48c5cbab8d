namespace Pampa.Storage;

/// <summary>
/// Regular passes and bounded counts, which of millions take seconds and nobody waits for: one at a time, so that they never have all connections.
/// </summary>
internal sealed partial class Database
{
    private readonly SemaphoreSlim scanner = new(1, 1);

    /// <summary>Does it when its turn has come.</summary>
    public async Task InTurnAsync(Func<Task> scan, CancellationToken stopping)
    {
        await scanner.WaitAsync(stopping);
        try
        {
            await scan();
        }
        finally
        {
            scanner.Release();
        }
    }
}
