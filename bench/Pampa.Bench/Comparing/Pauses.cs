namespace Pampa.Bench.Comparing;

/// <summary>Pauses of no fixed length: in step with somebody's polling, all records would wait equally long.</summary>
internal sealed class Pauses(Random random)
{
    private const int Shortest = 20;
    private const int Longest = 50;

    public Task WaitAsync(CancellationToken stopping) => Task.Delay(
        TimeSpan.FromMilliseconds(Shortest + (Longest - Shortest) * random.NextDouble()), TimeProvider.System, stopping);
}
