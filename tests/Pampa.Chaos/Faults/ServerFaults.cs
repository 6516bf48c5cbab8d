using System.Data.Common;
using Pampa.Chaos.Checks;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;
using Pampa.Servers;

namespace Pampa.Chaos.Faults;

/// <summary>What befalls the database server itself.</summary>
internal static class ServerFaults
{
    public static IEnumerable<Fault> All =>
    [
        Of("stop-server", "PostgreSQL is stopped as if it were killed, for a while or longer than all leases, and started again.", StopAsync),
        Of("terminate", "Server processes of clients are ended.", TerminateAsync),
        Of("read-only", "Every transaction is read-only, as after a fail-over to a standby.", ReadOnlyAsync),
        Of("connections", "All connections are taken.", ConnectionsAsync),
        Of("disk-full", "The server's disk is full.", DiskFullAsync),
    ];

    private static Fault Of(string name, string what, Func<World, Random, CancellationToken, Task<string>> run) =>
        new(name, Target.Server, what, run) { Profiles = [Profile.Pg, Profile.Portable], Needs = Fault.OwnServer };

    private static async Task<string> StopAsync(World world, Random random, CancellationToken stopping)
    {
        var time = random.Next(2) == 0 ? 0.2 : Limits.WorkerLease.TotalSeconds * 1.5;
        var server = world.Server!;
        await AwayAsync(world, server.StopAtOnceAsync, time, server.StartAsync, stopping);
        return Store.Invariant($"for {time:0.0} s");
    }

    private static async Task AwayAsync(World world, Func<Task> goes, double seconds, Func<Task> returns, CancellationToken stopping)
    {
        var from = World.Now();
        await goes();
        try
        {
            await World.WaitAsync(seconds, stopping);
        }
        finally
        {
            await returns();
            var to = World.Now();
            world.ServerReturns.Add(to);
            world.Outages.Add(new Outage(_ => true, from, to) { IsOfAll = true });
            world.Outages.Add(new Outage(_ => true, from, to + TimeSpan.FromSeconds(3)));
        }
    }

    private static async Task<string> TerminateAsync(World world, Random random, CancellationToken stopping)
    {
        var share = 1 + random.Next(3);
        var ended = await Store.InsistAsync(() => world.Store.QueryAsync(
            Store.Invariant($"SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%~%' AND pid % {share} = 0) AS t"),
            r => r.GetInt64(0), stopping), stopping);
        return $"{ended[0]} of them";
    }

    private static async Task<string> ReadOnlyAsync(World world, Random random, CancellationToken stopping)
    {
        var time = Limits.LeaderLease.TotalSeconds * (0.5 + 1.5 * random.NextDouble());
        await AwayAsync(world, () => SetAsync(world, "on"), time, () => SetAsync(world, "off"), stopping);
        return Store.Invariant($"for {time:0.0} s");
    }

    private static Task<int> SetAsync(World world, string value) => Store.InsistAsync(async () =>
    {
        await world.Store.ExecuteAsync($"ALTER SYSTEM SET default_transaction_read_only = {value}", CancellationToken.None);
        return await world.Store.ExecuteAsync("SELECT pg_reload_conf()", CancellationToken.None);
    }, CancellationToken.None);

    private static async Task<string> ConnectionsAsync(World world, Random random, CancellationToken stopping)
    {
        var held = new List<Npgsql.NpgsqlConnection>();
        var settings = $"{world.Server!.Settings.Replace("Username=postgres", $"Username={PostgresServer.Role}", StringComparison.Ordinal)};Database=chaos;Application Name=hoarder;Pooling=false;Timeout=5";
        try
        {
            // Whoever comes back finds no place, and whoever has one is thrown out.
            for (var round = 0; round < 3; round++)
            {
                try
                {
                    while (held.Count < 300)
                    {
                        var connection = new Npgsql.NpgsqlConnection(settings);
                        held.Add(connection);
                        await connection.OpenAsync(stopping);
                    }
                }
                catch (DbException)
                {
                    // No more are to be had.
                }
                await world.Store.ExecuteAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%~%'", stopping);
                await World.WaitAsync(1.5, stopping);
            }
        }
        finally
        {
            foreach (var connection in held) await connection.DisposeAsync();
            world.Outages.Add(new Outage(_ => true, World.Now() - TimeSpan.FromSeconds(8), World.Now() + TimeSpan.FromSeconds(2)));
        }
        return $"{held.Count} taken";
    }

    private static async Task<string> DiskFullAsync(World world, Random random, CancellationToken stopping)
    {
        if (!world.Server!.HasOwnDisk) throw new NotPossibleException("no disk can be mounted for the server");
        var ballast = Path.Combine(world.Server.Folder, "ballast");
        var from = World.Now();
        try
        {
            await Tool.TryRunAsync("dd", "if=/dev/zero", $"of={ballast}", "bs=1M");
            await Tool.TryRunAsync("dd", "if=/dev/zero", $"of={ballast}", "bs=4k", "oflag=append", "conv=notrunc");
            await World.WaitAsync(5 + 4 * random.NextDouble(), stopping);
        }
        finally
        {
            File.Delete(ballast);
            // Without room for its log it stops, as it should.
            var wasDown = !await world.Server.IsRunningAsync();
            if (wasDown) await world.Server.StartAsync();
            world.ServerReturns.Add(World.Now());
            world.Outages.Add(new Outage(_ => true, from, World.Now() + TimeSpan.FromSeconds(3)));
        }
        return Store.Invariant($"for {(World.Now() - from).TotalSeconds:0.0} s");
    }
}
