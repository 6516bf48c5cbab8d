namespace Pampa.Chaos.Wire;

/// <summary>How often what happens to transactions on CockroachDB happens here. The dice are of one seed.</summary>
internal sealed class CockroachFaults(int seed)
{
    private readonly Random random = new(seed);

    /// <summary>A statement is to be repeated (40001), and its transaction with it.</summary>
    public double Restarts { get; init; } = 0.2;

    /// <summary>A COMMIT is refused for the same reason.</summary>
    public double RefusedCommits { get; init; } = 0.05;

    /// <summary>What has been committed is told to be ambiguous (40003).</summary>
    public double Ambiguous { get; init; } = 0.01;

    /// <summary>
    /// An answer that grows beyond what the server keeps before it sends is to be repeated. Of those that read only: what has
    /// changed something here is committed by then.
    /// </summary>
    public double RestartedLargeAnswers { get; init; } = 0.5;

    /// <summary>Statements to which nothing happens; null: none is spared.</summary>
    public Func<string, bool>? Spares { get; init; }

    public bool Happens(double chance)
    {
        lock (random) return random.NextDouble() < chance;
    }
}
