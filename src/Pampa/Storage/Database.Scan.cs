namespace Pampa.Storage;

/// <summary>What looks through a whole table, of millions for seconds, and nobody waits for: one at a time, so that it never has all connections.</summary>
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
