namespace Pampa.Storage;

/// <summary>Statements that look through a whole table, of millions for seconds: one at a time, so that they never have all connections.</summary>
internal sealed partial class Database
{
    private readonly SemaphoreSlim scanner = new(1, 1);

    private Task<T> InTurnAsync<T>(Statement statement, Func<Task<T>> run, CancellationToken stopping) =>
        statement.IsScan ? ScanAsync(run, stopping) : run();

    private async Task<T> ScanAsync<T>(Func<Task<T>> run, CancellationToken stopping)
    {
        await scanner.WaitAsync(stopping);
        try
        {
            return await run();
        }
        finally
        {
            scanner.Release();
        }
    }
}
