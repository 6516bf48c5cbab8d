namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>Waits for something to be so, not for a time.</summary>
internal static class Until
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task TrueAsync(Func<Task<bool>> isSoAsync)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await isSoAsync()) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, deadline.Token);
    }
}
