using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using Pampa.Servers;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>A table of tasks that take a while, the program that works on it, and a dispatcher for the nodes of a test.</summary>
internal sealed class Loads : IAsyncDisposable
{
    public const string Program = "tests/Pampa.Ssh.Tests/programs/load.cs";
    private readonly SshWorld world;
    private readonly List<Process> dispatchers = [];

    private Loads(SshWorld world, string address)
    {
        (this.world, Address) = (world, address);
        Environment.SetEnvironmentVariable(Variable, address);
    }

    /// <summary>The variable that holds the address; each test has one of its own.</summary>
    public string Variable { get; } = $"PAMPA_TEST_{Guid.NewGuid():N}";

    public string Address { get; }

    /// <summary>The same as a verb has it.</summary>
    public VerbDatabase Database => new(new Hosting.DatabaseChoice(Storage.DatabaseAddress.Parse(Address), "test"));

    /// <summary>The folder that the program was published into; that takes long, and not every test needs it.</summary>
    public Task<string> PublishedAsync() => world.PublishedAsync(Program);

    public static async Task<Loads> MakeAsync(SshWorld world) => new(world, await world.NewDatabaseAsync());

    /// <summary>The program as the controlling computer has it, with nodes.</summary>
    public Action<PampaBuilder> With(params (string Name, Action<SshNode>? More)[] nodes) => pampa =>
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS loads (id bigint PRIMARY KEY, done_by text)");
        pampa.ShutdownTimeout = TimeSpan.FromSeconds(5);
        pampa.AddJob("load", table: "loads", key: "id", job =>
        {
            job.Columns = TaskColumns.WithPrefix("load");
            job.QueueSize = 2;
            job.Process(_ => { });
        });
        foreach (var (name, more) in nodes)
        {
            var host = "127.0.0.1";
            pampa.AddSshNode(name, host, world.Settings(more));
        }
    };

    public Task<(int Code, string Said)> RunAsync(Action<PampaBuilder> program, params string[] args) =>
        SshWorld.RunAsync(program, [.. args, "--db", $"env:{Variable}"]);

    /// <summary>Does something with the cluster of a program, as a verb does.</summary>
    public async Task WithClusterAsync(Action<PampaBuilder> program, Func<PampaCluster, Task> doAsync)
    {
        Exception? failure = null;
        var (code, said) = await RunAsync(pampa =>
        {
            program(pampa);
            pampa.AddVerb(context =>
            {
                var verb = new VerbCommand("try", "Does what a test wants.");
                var database = VerbContext.DatabaseOption();
                verb.Options.Add(database);
                verb.SetAction((parsed, _) => context.WithClusterAsync(parsed.GetValue(database), async (cluster, _, _) =>
                {
                    failure = await Record.ExceptionAsync(() => doAsync(cluster));
                    return 0;
                }, setsUp: true));
                return verb;
            });
        }, "try");
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        Assert.True(code == 0, said);
    }

    /// <summary>What <c>nodes status</c> says of a node.</summary>
    public sealed record Seen(string Process, string Release, long Pid, int Workers, int Ready, bool IsPaused);

    public async Task<(int Code, List<Seen> Nodes)> StatusAsync(Action<PampaBuilder> program)
    {
        var (code, said) = await RunAsync(program, "nodes", "status", "--json");
        // What is wrong stands behind it.
        var end = said.LastIndexOf(']') + 1;
        using var json = JsonDocument.Parse(said[said.IndexOf('[', StringComparison.Ordinal)..end]);
        return (code, [.. json.RootElement.EnumerateArray().Select(n => new Seen(
            n.GetProperty("process").GetString()!, n.TryGetProperty("release", out var release) ? release.GetString()! : "",
            n.TryGetProperty("pid", out var pid) ? pid.GetInt64() : 0,
            n.GetProperty("workers").GetInt32(), n.GetProperty("ready").GetInt32(), n.GetProperty("paused").GetBoolean()))]);
    }

    /// <summary>The same program with something that makes it another release.</summary>
    public async Task<string> OtherAsync(string version)
    {
        var folder = world.NewFolder();
        await Tool.RunAsync("/bin/cp", "-al", $"{await PublishedAsync()}/.", folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "version.txt"), version);
        return folder;
    }

    public async Task StartDispatcherAsync()
    {
        var start = Tool.Order("/", Path.Combine(world.NewFolder(), "dispatcher.log"), Path.Combine(await PublishedAsync(), "load"), ["dispatcher", "--plain", "--db", $"env:{Variable}"]);
        dispatchers.Add(Process.Start(start)!);
    }

    public async Task AddAsync(int count)
    {
        var first = await AskAsync("SELECT coalesce(max(id), 0) FROM loads");
        await ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO loads (id) SELECT {first} + n FROM generate_series(1, {count}) n"));
    }

    /// <summary>Sees to it that there is always something to do. Returns how many there are when it was told to end.</summary>
    public async Task<long> KeepBusyAsync(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            if (await AskAsync("SELECT count(*) FROM loads WHERE load_end_time IS NULL") < 500) await AddAsync(500);
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return await AskAsync("SELECT count(*) FROM loads");
    }

    public Task<long> DoneAsync(string where = "true") => AskAsync($"SELECT count(*) FROM loads WHERE load_end_time IS NOT NULL AND load_success AND {where}");

    public async Task UntilDoneAsync(long count, int seconds = 90)
    {
        var clock = Stopwatch.StartNew();
        while (await DoneAsync() is var done && done < count)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds), $"Only {done} of {count} are done.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    public async Task<long> AskAsync(string text)
    {
        await using var connection = new NpgsqlConnection(Address);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(text, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    public async Task ExecuteAsync(string text)
    {
        await using var connection = new NpgsqlConnection(Address);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(text, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var dispatcher in dispatchers)
        {
            if (!dispatcher.HasExited) dispatcher.Kill();
            await dispatcher.WaitForExitAsync();
            dispatcher.Dispose();
        }
    }
}
