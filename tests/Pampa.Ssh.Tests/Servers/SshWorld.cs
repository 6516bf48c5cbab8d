using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using Pampa.Commands;
using Pampa.Servers;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;

[assembly: AssemblyFixture(typeof(Pampa.Ssh.Tests.Servers.SshWorld))]
// More than there are processors: they mostly wait for what runs on their nodes.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]

namespace Pampa.Ssh.Tests.Servers;

/// <summary>What the tests have in common: a user, his key, a server that he may log in to, a database, and published programs.</summary>
public sealed class SshWorld : IAsyncLifetime
{
    // On a machine that has much else to do.
    private static readonly TimeSpan PublishTime = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> published = [];
    private readonly Lazy<Task<PrivatePostgres>> postgres;
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-ssh-tests-").FullName;
    private Account? account;
    private SshServer? server;
    private readonly SemaphoreSlim publishing = new(1);
    private readonly CancellationTokenSource ended = new();
    private int folders;

    public SshWorld() => postgres = new Lazy<Task<PrivatePostgres>>(() => PrivatePostgres.StartAsync(NewFolder(), "fsync = off", "max_connections = 200"));

    internal static string Root { get; } = FindRoot();

    internal Account Account
    {
        get
        {
            if (account is null) Assert.Skip(SshServer.Missing);
            return account;
        }
    }

    internal SshServer Server
    {
        get
        {
            if (server is null) Assert.Skip(SshServer.Missing);
            return server;
        }
    }

    internal string Key => Path.Combine(folder, "key");

    /// <summary>
    /// Lets in, too, and nobody but an agent has it. OpenSSH asks an agent for whatever key it holds: with the common one, each connection
    /// of the other tests would hang on the life of the agent of one of them.
    /// </summary>
    internal string AgentKey => Path.Combine(folder, "agent-key");

    internal string Authorized => Path.Combine(folder, "authorized");

    public async ValueTask InitializeAsync()
    {
        if (!SshServer.IsInstalled) return;
        // The user whose home lies below it must be able to enter.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        account = await Account.MakeAsync(folder);
        foreach (var key in (string[])[Key, AgentKey])
        {
            await Tool.RunAsync("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key);
            await File.AppendAllTextAsync(Authorized, await File.ReadAllTextAsync($"{key}.pub"));
        }
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Authorized, (UnixFileMode)Convert.ToInt32("644", 8));
        server = await SshServer.StartAsync(NewFolder(), Authorized);
        // Most tests need it, and it takes longest: those that do not need it run meanwhile.
        if (PrivatePostgres.IsInstalled) _ = PublishedAsync(Loads.Program);
    }

    internal string NewFolder()
    {
        var path = Directory.CreateDirectory(Path.Combine(folder, $"t{Interlocked.Increment(ref folders)}")).FullName;
        return path;
    }

    /// <summary>Settings with which a node of this name is the server.</summary>
    internal Action<SshNode> Settings(Action<SshNode>? more = null, SshServer? at = null) => node =>
    {
        var here = at ?? Server;
        node.Port = here.Port;
        node.User = Account.Name;
        node.PrivateKeyFile = Key;
        node.KnownHostsFile = here.KnownHosts;
        node.Folder = "nodes";
        more?.Invoke(node);
    };

    internal SshNode Node(string name = "web1", Action<SshNode>? more = null, SshServer? at = null)
    {
        var node = new SshNode(name, (at ?? Server).Address);
        Settings(more, at)(node);
        node.Check();
        return node;
    }

    /// <summary>A node that is connected to.</summary>
    internal async Task<NodeAgent> AgentAsync(string name = "web1")
    {
        var stopping = TestContext.Current.CancellationToken;
        var agent = new NodeAgent(await SshConnection.OpenAsync(Node(name), false, _ => { }, stopping), "agents");
        await agent.ProbeAsync(stopping);
        return agent;
    }

    /// <summary>Delivers what is in a folder, and switches to it.</summary>
    internal static async Task<Release> DeliverAsync(NodeAgent agent, string folder)
    {
        var stopping = TestContext.Current.CancellationToken;
        var release = await Release.ReadAsync(folder, null, stopping);
        await agent.ReceiveAsync(release, _ => { }, stopping);
        await agent.SwitchAsync(release.Name, stopping);
        return release;
    }

    /// <summary>A database of the test's own.</summary>
    internal async Task<string> NewDatabaseAsync()
    {
        if (!PrivatePostgres.IsInstalled) Assert.Skip(PrivatePostgres.Missing);
        var own = await postgres.Value;
        var name = $"d{Guid.NewGuid():N}";
        await own.ExecuteAsync($"CREATE DATABASE {name}");
        return new NpgsqlConnectionStringBuilder(own.Settings) { Database = name }.ConnectionString;
    }

    /// <summary>The folder of a program that was published, self-contained.</summary>
    internal Task<string> PublishedAsync(string program) => published.GetOrAdd(program, path => new Lazy<Task<string>>(async () =>
    {
        var output = NewFolder();
        string[] arguments = ["publish", path, "-c", "Release", "-r", "linux-x64", "--self-contained", "-p:PublishAot=false", "-o", output, "-v", "quiet"];
        var start = Tool.Order(Root, $"{output}.log", "dotnet", arguments);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        return await PublishingAsync(async () =>
        {
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync(ended.Token).WaitAsync(PublishTime, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException(await File.ReadAllTextAsync($"{output}.log"));
        });
    })).Value;

    /// <summary>Does something that publishes a program: two at a time would write into the library's own folders.</summary>
    internal async Task<T> PublishingAsync<T>(Func<Task<T>> doAsync)
    {
        await publishing.WaitAsync();
        try
        {
            return await doAsync();
        }
        finally
        {
            publishing.Release();
        }
    }

    /// <summary>Runs a command line of a program with these nodes. Returns its exit code and what it said.</summary>
    internal static async Task<(int Code, string Said)> RunAsync(Action<PampaBuilder> program, params string[] args)
    {
        using var said = new StringWriter();
        var both = TextWriter.Synchronized(said);
        var code = await CommandLine.RunAsync(args, program, both, both);
        return (code, said.ToString());
    }

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Pampa.slnx"))) return at.FullName;
        }
        throw new InvalidOperationException("There is no Pampa.slnx above the tests.");
    }

    /// <summary>
    /// Takes a folder away, with its thousands of files (databases, releases): a process that outlives this one does, for nobody waits for that.
    /// </summary>
    private static async Task ForgetAsync(string folder)
    {
        if (await Tool.TryRunAsync("/bin/sh", "-c", "setsid rm -rf \"$0\" </dev/null >/dev/null 2>&1 &", folder) != 0) Directory.Delete(folder, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        foreach (var one in published.Values) await ((Task)one.Value).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ended.Dispose();
        if (server is not null) await server.DisposeAsync();
        if (account is not null) await account.DisposeAsync();
        if (postgres.IsValueCreated) await (await postgres.Value).DisposeAsync();
        publishing.Dispose();
        await ForgetAsync(folder);
    }
}
