using System.Data.Common;

namespace Pampa.Bench;

/// <summary>What a process used while there was nothing to do.</summary>
internal sealed record QuietMember(string Name, double CpuPercent, double Megabytes, int Connections)
{
    public bool IsNode => Name != Member.Dispatcher.Name;
}

/// <summary>What all used while there was nothing to do; percentages are of one core.</summary>
internal sealed record Quiet(double? ServerPercent, double CommitsPerSecond, IReadOnlyList<QuietMember> Members);

/// <summary>Looks at a server and at processes that have nothing to do.</summary>
internal sealed class QuietWatch(PostgresDatabase database, Members members, TimeSpan duration)
{
    // What belongs to a start or to a load passes first: registrations, a table that has grown, and code that is compiled
    // anew once it has run thirty times, which takes a loop of two rounds a second a while.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(20);
    private const int Looks = 5;

    public async Task<Quiet> WatchAsync(CancellationToken stopping)
    {
        await using var connection = await database.OpenAsync();
        await WaitAsync(Settle, stopping);
        var commits = await CommitsAsync(connection);
        var cpu = members.All.Select(m => m.Child.CpuSeconds).ToList();
        var began = TimeProvider.System.GetTimestamp();
        var server = database.CpuSeconds;
        var most = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var look = 0; look < Looks; look++)
        {
            await WaitAsync(duration / Looks, stopping);
            foreach (var (name, count) in await PostgresDatabase.ReadConnectionsAsync(connection))
                most[name] = Math.Max(count, most.GetValueOrDefault(name));
        }
        server = database.CpuSeconds - server;
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        await members.CheckAsync();
        var all = members.All.Select((m, i) => new QuietMember(
            m.Member.Name, 100 * (m.Child.CpuSeconds - cpu[i]) / seconds, m.Child.WorkingSet, most.GetValueOrDefault(m.Member.Name))).ToList();
        return new Quiet(100 * server / seconds, (await CommitsAsync(connection) - commits) / seconds, all);
    }

    private static Task WaitAsync(TimeSpan duration, CancellationToken stopping) =>
        Task.Delay(duration, TimeProvider.System, stopping);

    private static async Task<long> CommitsAsync(DbConnection connection) => BenchDatabase.Whole((await BenchDatabase.RowAsync(
        connection, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))[0]);
}
