namespace Pampa.Bench;

/// <summary>One process of a cluster.</summary>
/// <param name="Name">By which it is known to the reader, and to the server where it is told.</param>
/// <param name="Arguments">The product's arguments.</param>
internal sealed record Member(string Name, params string[] Arguments)
{
    public static Member Dispatcher { get; } = new("dispatcher", "dispatcher");

    public static Member Node(string name, int workers) =>
        new(name, "node", "--name", name, "--workers", FormattableString.Invariant($"{workers}"));
}

/// <summary>Processes that work on one database together, started by the product's command line.</summary>
internal sealed class Members : IAsyncDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);
    // Fifty processes compile their code on two cores at once.
    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(5);
    private readonly List<(Member Member, Child Child)> all = [];

    /// <summary>Starts them on a PostgreSQL, where each has its own name.</summary>
    public static Members Start(ChildOrder order, IEnumerable<Member> members)
    {
        var started = new Members();
        foreach (var member in members)
        {
            var named = order with { Address = PostgresDatabase.Named(order.Address, member.Name) };
            started.all.Add((member, Child.Start(named, member.Arguments)));
        }
        return started;
    }

    /// <summary>The same; returns when their workers take tasks.</summary>
    public static async Task<Members> StartReadyAsync(
        PostgresDatabase database, ChildOrder order, IEnumerable<Member> members, int workers, CancellationToken stopping)
    {
        await using var connection = await database.OpenAsync();
        async Task<bool> AreReadyAsync() =>
            BenchDatabase.Whole((await BenchDatabase.RowAsync(connection, Workload.CountReadyWorkers))[0]) == workers;
        var started = Start(order, members);
        try
        {
            await started.UntilAsync(AreReadyAsync, $"{workers} workers take tasks", StartTime, stopping);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    public IReadOnlyList<(Member Member, Child Child)> All => all;

    /// <summary>Waits while all of them are at work, until something has come to pass.</summary>
    /// <exception cref="RunFailedException">One has ended, or it takes too long.</exception>
    public async Task UntilAsync(Func<Task<bool>> condition, string what, TimeSpan patience, CancellationToken stopping)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            await CheckAsync();
            if (TimeProvider.System.GetElapsedTime(began) > patience)
                throw new RunFailedException($"within {patience} it has not come to this: {what}");
            await Task.Delay(LookEvery, TimeProvider.System, stopping);
        }
    }

    /// <summary>Makes sure that all of them are at work.</summary>
    /// <exception cref="RunFailedException">One has ended.</exception>
    public async Task CheckAsync()
    {
        foreach (var (_, child) in all) await child.CheckAsync();
    }

    /// <summary>Stops them all in good order, at the same time, and returns what they used together.</summary>
    public async Task<ClientUse> StopAsync(CancellationToken stopping)
    {
        var uses = await Task.WhenAll(all.Select(m => m.Child.StopAsync(stopping)));
        return uses.Aggregate((a, b) => a.With(b));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, child) in all) await child.DisposeAsync();
    }
}
