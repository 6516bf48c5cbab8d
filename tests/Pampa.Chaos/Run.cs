using System.Data;
using System.Data.Common;
using System.Diagnostics;
using Npgsql;
using Pampa.Chaos.Checks;
using Pampa.Chaos.Cluster;
using Pampa.Chaos.Faults;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Chaos.Work;
using Pampa.Servers;

namespace Pampa.Chaos;

/// <summary>
/// A run: makes database and cluster, lets tasks come in and faults happen, heals everything, waits for the end of all
/// tasks, and then checks what was written down.
/// </summary>
internal sealed class Run(Options options, TextWriter output)
{
    private const string LogDisk = "logdisk";

    /// <summary>Returns the exit code: 0 all held, 1 something did not, 2 it could not be run.</summary>
    public async Task<int> RunAsync(CancellationToken stopping)
    {
        var faults = Catalogue.All.Where(f => f.IsOf(options.Profile) && (options.Faults.Count == 0 || options.Faults.Contains(f.Name))).ToList();
        var unknown = options.Faults.Except(Catalogue.All.Select(f => f.Name)).ToList();
        foreach (var name in unknown) await output.WriteLineAsync($"There is no fault '{name}'; --list names them.");
        if (unknown.Count > 0) return 2;
        if (options.IsList)
        {
            foreach (var fault in faults) await output.WriteLineAsync($"{fault.Name,-16} {fault.What}");
            return 0;
        }
        NpgsqlConnectionStringBuilder? foreign = null;
        if (options.Server is { } address && (foreign = Place.Parse(address)) is null)
        {
            // Never the text itself: it may hold a password.
            await output.WriteLineAsync("The server's address must be a URL (postgresql://user:password@host:26257/database?sslmode=verify-full) or an ADO.NET connection string.");
            return 2;
        }
        var leftOut = foreign is null ? [] : faults.FindAll(f => f.Needs is not null);
        faults.RemoveAll(leftOut.Contains);
        if (faults.Count == 0)
        {
            await output.WriteLineAsync($"None of these faults is possible on a server that is not the run's own: {string.Join(", ", leftOut.Select(f => f.Name))}.");
            return 2;
        }
        var folder = Path.GetFullPath(options.Folder ?? Directory.CreateTempSubdirectory("pampa-chaos-").FullName);
        Directory.CreateDirectory(folder);
        // The server's user must reach its own folder in here.
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        await output.WriteLineAsync(Store.Invariant($"seed {options.Seed}, {options.Minutes} min, profile {options.Profile}, files in {folder}"));
        var isRight = options.Profile == Profile.Sqlite ? await OnSqliteAsync(folder, faults, stopping)
            : foreign is null ? await OnPostgresAsync(folder, faults, stopping)
            : await OnForeignAsync(foreign, folder, faults, leftOut, stopping);
        if (isRight && options.Folder is null) Directory.Delete(folder, recursive: true);
        return isRight ? 0 : 1;
    }

    private async Task<bool> OnSqliteAsync(string folder, List<Fault> faults, CancellationToken stopping)
    {
        await using var store = new SqliteStore(Shape.Of(options.Profile), folder);
        return await WithClusterAsync(store, new Surroundings(), folder, faults, stopping);
    }

    private async Task<bool> OnForeignAsync(
        NpgsqlConnectionStringBuilder settings, string folder, List<Fault> faults, List<Fault> leftOut, CancellationToken stopping)
    {
        await using var server = await ForeignServer.OpenAsync(settings);
        await using var store = new PostgresStore(Shape.Of(options.Profile), server.Place);
        await output.WriteLineAsync($"on a server that is not the run's own: {server.Version}");
        return await WithClusterAsync(store, new Surroundings { Foreign = server, LeftOut = leftOut }, folder, faults, stopping);
    }

    /// <summary>What a run has beside its database.</summary>
    private sealed record Surroundings
    {
        public PostgresServer? Server { get; init; }

        public Proxy? Proxy { get; init; }

        public ForeignServer? Foreign { get; init; }

        public IReadOnlyList<Fault> LeftOut { get; init; } = [];
    }

    private async Task<bool> OnPostgresAsync(string folder, List<Fault> faults, CancellationToken stopping)
    {
        await using var server = await PostgresServer.StartAsync(Path.Combine(folder, "pg"));
        await using var proxy = new Proxy(server.Port) { Cockroach = options.Profile == Profile.Portable ? Restarting(options.Seed) : null };
        await using var store = new PostgresStore(Shape.Of(options.Profile), Place.On(server, proxy.Port));
        var isRight = await WithClusterAsync(store, new Surroundings { Server = server, Proxy = proxy }, folder, faults, stopping);
        if (proxy.Cockroach is not { } like) return isRight;
        await output.WriteLineAsync($"as CockroachDB: {string.Join(", ", like.Failed.OrderBy(f => f.Key).Select(f => $"{f.Key} {f.Value} times"))}; refused {like.Refused.Count}");
        foreach (var (_, text, why) in like.Refused) await output.WriteLineAsync($"WRONG refused: {why}: {text}");
        return isRight && like.Refused.IsEmpty;
    }

    // What handlers write by themselves is theirs to repeat, and these do not.
    private static Cockroach Restarting(int seed) => new()
    {
        Faults = new CockroachFaults(seed) { Spares = text => text.Contains("effects", StringComparison.Ordinal) },
    };

    private async Task<bool> WithClusterAsync(Store store, Surroundings around, string folder, List<Fault> faults, CancellationToken stopping)
    {
        await store.CreateAsync(stopping);
        var disk = Directory.CreateDirectory(Path.Combine(folder, LogDisk)).FullName;
        var hasDisk = Environment.IsPrivilegedProcess && await Tool.TryRunAsync("mount", "-t", "tmpfs", "-o", "size=3m", "pampa-chaos", disk) == 0;
        try
        {
            await using var cluster = new ProcessCluster(store, folder, output);
            await PrepareAsync(store, cluster, stopping);
            var world = new World(options, store, cluster, folder, output)
            {
                Server = around.Server,
                Proxy = around.Proxy,
                Foreign = around.Foreign,
                LeftOut = around.LeftOut,
                LogDisk = hasDisk ? disk : null,
            };
            return await WithWorldAsync(world, disk, faults, stopping);
        }
        finally
        {
            if (hasDisk) await Shell.UnmountAsync(disk);
        }
    }

    private static async Task PrepareAsync(Store store, ProcessCluster cluster, CancellationToken stopping)
    {
        // The portable profile's role may not make tables.
        var url = store.Shape.Profile == Profile.Portable ? store.OwnersUrl : null;
        var (code, said) = await cluster.RunAsync("migrate~1", ["migrate"], TimeSpan.FromSeconds(60), url);
        if (code != 0) throw new InvalidOperationException($"migrate ended with {code}: {said}");
        await store.WatchControlTablesAsync(stopping);
    }

    private static IEnumerable<Member> Few => [new("d1", ["dispatcher"]), new("a", ["node", "--name", "a", "--workers", "1"])];

    private static IEnumerable<Member> Members(string disk) =>
    [
        new("d1", ["dispatcher"]),
        new("d2", ["dispatcher"]),
        new("r", ["run", "--workers", "2"]),
        new("a", ["node", "--name", "a", "--workers", "3"]),
        new("b", ["node", "--name", "b", "--workers", "3", "--log", Path.Combine(disk, "b.log")]),
        new("c", ["node", "--name", "c", "--workers", "2", "--isolated"]),
        new("w", ["worker", "--id", "w.1"]),
    ];

    private async Task<bool> WithWorldAsync(World world, string disk, List<Fault> faults, CancellationToken stopping)
    {
        foreach (var member in options.IsSmall ? Few : Members(disk)) world.Cluster.Add(member);
        world.Cluster.Watch();
        using var watched = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var snapshot = world.Server is null ? Task.CompletedTask : HoldSnapshotAsync(world.Store, watched.Token);
        var loader = new Loader(world.Store, new Random(options.Seed), options.Rate, options.IsSmall);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var loading = loader.RunAsync(enough.Token);
        await World.WaitAsync(3, stopping);
        var nemesis = new Nemesis(world, faults, new Random(options.Seed));
        await nemesis.RunAsync(TimeSpan.FromMinutes(options.Minutes), stopping);
        await enough.CancelAsync();
        await loading;
        var settling = Stopwatch.StartNew();
        world.Say(Store.Invariant($"healed; all must end within {Limits.Bound.TotalSeconds:0} s"));
        await SettleAsync(world, stopping);
        var settled = settling.Elapsed;
        world.Say(Store.Invariant($"settled in {settled.TotalSeconds:0.0} s"));
        var late = await world.Cluster.EndAsync(Limits.ShutdownTimeout + TimeSpan.FromSeconds(30));
        foreach (var life in late) world.Complaints.Add($"{life.Application} did not stop within its time");
        await watched.CancelAsync();
        await snapshot;
        var hasFrozen = nemesis.Results.Any(r => r is { Name: "freeze-node", Times: > 0 });
        var history = await HistoryAsync(world, loader, hasFrozen, stopping);
        var broken = AllChecks.Broken(history);
        new ResultTable(world, nemesis, history, settled).Write(output);
        await TellAsync(broken);
        return broken.Count == 0;
    }

    private async Task TellAsync(IReadOnlyList<(Check Check, IReadOnlyList<string> Where)> broken)
    {
        foreach (var check in AllChecks.List)
        {
            var where = broken.FirstOrDefault(b => b.Check == check).Where ?? [];
            await output.WriteLineAsync($"{(where.Count == 0 ? "held  " : "BROKEN")} {check.Name}: {check.Rule}");
            foreach (var line in where.Take(8)) await output.WriteLineAsync($"    {line}");
            if (where.Count > 8) await output.WriteLineAsync($"    and {where.Count - 8} more");
        }
    }

    // What nobody may vacuum away, for the whole run; a server that was stopped has let it go, and then it is taken anew.
    private static async Task HoldSnapshotAsync(Store store, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using var connection = await store.OpenAsync(stopping);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, stopping);
                // No table is read: that would lock it against ALTER.
                await Store.ExecuteAsync(connection, "SELECT txid_current_snapshot()", stopping);
                while (true)
                {
                    await World.WaitAsync(1, stopping);
                    await Store.ExecuteAsync(connection, "SELECT 1", stopping);
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DbException or IOException or TimeoutException or System.Net.Sockets.SocketException)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static async Task SettleAsync(World world, CancellationToken stopping)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Limits.Bound)
        {
            if (await Store.InsistAsync(() => world.Store.CountAsync(StillOpen(world), stopping), stopping) == 0) return;
            await World.WaitAsync(0.25, stopping);
        }
    }

    private static string StillOpen(World world)
    {
        var (shape, isFarOff) = (world.Shape, world.FalseClocks.IsEmpty ? _ => "FALSE" : (Func<string, string>)world.Store.IsFarOff);
        return Store.Invariant($"""
            ({shape.Et} IS NULL AND NOT ({shape.Rid} IS NULL AND {shape.Rt} IS NOT NULL AND {isFarOff(shape.Rt)}))
            OR (kind = '{Kind.Recurring}' AND {shape.Ok} = TRUE AND total < {Limits.Rounds} AND NOT {isFarOff(shape.Et)})
            """);
    }

    private static async Task<History> HistoryAsync(World world, Loader loader, bool hasFrozen, CancellationToken stopping)
    {
        var history = await HistoryReader.ReadAsync(world.Store, world.Cluster, stopping);
        return history with
        {
            Processes = [.. history.Processes.Select(p => p with { MayBeRefused = world.MayBeRefused.ContainsKey(p.Application) })],
            Outages = [.. world.Outages],
            Inserted = loader.Inserted,
            Complaints = [.. world.Complaints],
            LeastMaxAttempts = world.LeastMaxAttempts,
            FalseClocks = [.. world.FalseClocks],
            Full = world.Options.IsFull ? new FullRun(world.Options.Minutes, world.Cluster.LogSize.Bytes, world.Cluster.Memory.Growth, hasFrozen) : null,
        };
    }
}
