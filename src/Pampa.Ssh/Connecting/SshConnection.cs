namespace Pampa.Ssh.Connecting;

/// <summary>
/// A connection to a node, made once by OpenSSH's client and used by all commands: each costs a round trip and no log-in. The host's
/// key is checked before anybody logs in.
/// </summary>
internal sealed class SshConnection : IAsyncDisposable
{
    // Longer than OpenSSH waits for a host that does not answer.
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OrderTime = TimeSpan.FromSeconds(10);

    // OpenSSH's own code for a connection that failed.
    private const int Broken = 255;
    private static readonly Dictionary<string, string> Plain = [];
    private readonly SshFolder folder;
    private readonly bool trustsNew;
    private readonly Action<string> tell;
    private readonly List<(int Port, string Host, int HostPort)> forwards = [];
    private bool forwardsAgain;
    private bool isTold;

    private SshConnection(SshNode node, SshFolder folder, bool trustsNew, Action<string> tell)
    {
        Node = node;
        this.folder = folder;
        this.trustsNew = trustsNew;
        this.tell = tell;
    }

    public SshNode Node { get; }

    /// <summary>Connects.</summary>
    /// <param name="node">Where to.</param>
    /// <param name="trustsNew">Whether a host that is not known is taken for what it says, and remembered.</param>
    /// <param name="tell">Told what somebody should know, such as a key that was remembered.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="NodeException">Why that is not possible, and what to do about it.</exception>
    public static async Task<SshConnection> OpenAsync(SshNode node, bool trustsNew, Action<string> tell, CancellationToken stopping)
    {
        if (OperatingSystem.IsWindows())
            throw new NodeException("OpenSSH's client shares no connection on Windows: run this program from the Windows Subsystem for Linux.");
        if (node.PrivateKeyFile is { } key) SshFolder.CheckIsPrivate(node.Name, "PrivateKeyFile", key);
        var connection = new SshConnection(node, new SshFolder(), trustsNew, tell);
        try
        {
            await connection.ConnectAsync(stopping);
            return connection;
        }
        catch
        {
            connection.folder.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Connects again, with all that it forwards, where the connection does not stand any more. A port that the node does not give again is
    /// told, and no failure: not all that goes on needs it, and who does looks who listens there.
    /// </summary>
    /// <exception cref="NodeException">Why that is not possible.</exception>
    public async Task EnsureAsync(CancellationToken stopping)
    {
        if (!await StandsAsync(stopping))
        {
            // One that only was too busy to answer would live on without its socket, and keep the ports that it has on the node.
            if (File.Exists(folder.Socket)) await OrderAsync("exit", [], stopping);
            (forwardsAgain, isTold) = (forwards.Count > 0, false);
            await ConnectAsync(stopping);
        }
        if (forwardsAgain) await ForwardAgainAsync(stopping);
    }

    private async Task ForwardAgainAsync(CancellationToken stopping)
    {
        try
        {
            foreach (var (port, host, hostPort) in forwards.ToList()) await ForwardAsync(port, host, hostPort, stopping);
            forwardsAgain = false;
        }
        catch (NodeException e)
        {
            // It may be the former connection's for a moment still, or somebody else's by now: the next call tries again.
            if (!isTold) tell(e.Message);
            isTold = true;
        }
    }

    private async Task ConnectAsync(CancellationToken stopping)
    {
        folder.Clear();
        var environment = new Dictionary<string, string>();
        if (Password(Node) is { } password)
        {
            environment["SSH_ASKPASS"] = folder.WriteAskPass(password);
            environment["SSH_ASKPASS_REQUIRE"] = "force";
            environment[SshFolder.SecretVariable] = folder.Secret;
        }
        var hostKeys = Node.HostKey is { } fingerprint ? folder.WriteHostKeys(fingerprint) : null;
        var jumps = Node.JumpHost is { } through ? JumpHost.TryRead(through) ?? [] : [];
        SshResult result;
        try
        {
            result = await ConnectAsync(Node, SshArguments.Connect(Node, folder, trustsNew, hostKeys, WriteJumps(jumps)), environment, stopping);
        }
        finally
        {
            folder.ForgetSecret();
        }
        var log = folder.ReadLog();
        var logs = Enumerable.Range(0, jumps.Count).Select(i => SshFolder.Read(folder.JumpLog(i))).ToList();
        if (result.Code != 0)
        {
            // The first that does not lead on is why; the client behind it has only seen its line end.
            var why = jumps.Select((jump, i) => SshFailure.ExplainJump(Node, jump, logs[i])).FirstOrDefault(text => text is not null);
            throw new NodeException(why ?? SshFailure.Explain(Node, $"{result.Errors}{log}"));
        }
        foreach (var line in logs.Append(log).SelectMany(text => text.Split('\n')).Where(l => l.Contains("Permanently added", StringComparison.Ordinal)))
            tell($"Node '{Node.Name}': {line.Trim()}");
    }

    // Each leads to the next one, the last one to the node.
    private string? WriteJumps(IReadOnlyList<JumpHost> jumps)
    {
        string? through = null;
        for (var i = 0; i < jumps.Count; i++)
            through = folder.WriteJump(i, SshArguments.Jump(Node, jumps[i], folder.JumpLog(i), trustsNew, through), jumps[i].Host);
        return through;
    }

    private static async Task<SshResult> ConnectAsync(
        SshNode node, List<string> arguments, Dictionary<string, string> environment, CancellationToken stopping)
    {
        try
        {
            return await SshProcess.RunAsync(arguments, environment, new SshOrder(ConnectTime) { MayAsk = true }, stopping);
        }
        catch (TimeoutException)
        {
            throw new NodeException($"Node '{node.Name}': {SshFailure.Address(node)} does not let us in within {ConnectTime.TotalSeconds} s, and does not say why.");
        }
    }

    private static string? Password(SshNode node)
    {
        if (node.PasswordFrom is not { } from) return null;
        var name = from[(from.IndexOf(':', StringComparison.Ordinal) + 1)..];
        if (from.StartsWith("env:", StringComparison.Ordinal))
        {
            return Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
                ? value
                : throw new NodeException($"Node '{node.Name}': the environment has no variable '{name}', in which PasswordFrom looks for the password.");
        }
        SshFolder.CheckIsPrivate(node.Name, "PasswordFrom", name);
        return File.ReadAllText(name).TrimEnd('\r', '\n');
    }

    /// <summary>Runs a command; its words come to it as they are. It is the command that says by its code whether it did well.</summary>
    /// <exception cref="NodeException">The connection is broken, or the deadline is over.</exception>
    public async Task<SshResult> RunAsync(string what, IEnumerable<string> words, SshOrder order, CancellationToken stopping)
    {
        try
        {
            var result = await SshProcess.RunAsync(SshArguments.Run(Node, folder, Quoting.Line(words)), Plain, order, stopping);
            if (result.Code == Broken && await IsBrokenAsync())
                throw new NodeException($"Node '{Node.Name}': the connection to {SshFailure.Address(Node)} broke during '{what}'. {SshFailure.Last(folder.ReadLog())}".TrimEnd());
            return result;
        }
        catch (TimeoutException)
        {
            throw new NodeException($"Node '{Node.Name}': '{what}' has not ended within {order.Deadline:c}; the network or the node may hang.");
        }
    }

    /// <summary>Lets a port of the node's own loopback lead to an address that this computer reaches, as long as the connection stands.</summary>
    /// <exception cref="NodeException">The node does not give the port.</exception>
    public async Task ForwardAsync(int port, string host, int hostPort, CancellationToken stopping)
    {
        var result = await OrderAsync("forward", ["-R", Rule(port, host, hostPort)], stopping);
        if (result.Code != 0)
            throw new NodeException($"Node '{Node.Name}': port {port} of its 127.0.0.1 cannot lead to the database: it is in use there already (by another connection, perhaps), or the server forbids it (AllowTcpForwarding). {SshFailure.Last(result.Errors)}".TrimEnd());
        if (!forwards.Contains((port, host, hostPort))) forwards.Add((port, host, hostPort));
    }

    /// <summary>That port leads there no more.</summary>
    public async Task EndForwardAsync(int port, string host, int hostPort, CancellationToken stopping)
    {
        forwards.Remove((port, host, hostPort));
        await OrderAsync("cancel", ["-R", Rule(port, host, hostPort)], stopping);
    }

    private static string Rule(int port, string host, int hostPort) =>
        FormattableString.Invariant($"127.0.0.1:{port}:{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{hostPort}");

    /// <summary>Whether the connection stands still.</summary>
    public async Task<bool> StandsAsync(CancellationToken stopping) => (await OrderAsync("check", [], stopping)).Code == 0;

    private async Task<bool> IsBrokenAsync() => !await StandsAsync(CancellationToken.None);

    private async Task<SshResult> OrderAsync(string order, string[] more, CancellationToken stopping)
    {
        try
        {
            return await SshProcess.RunAsync(SshArguments.Order(Node, folder, order, more), Plain, new SshOrder(OrderTime), stopping);
        }
        catch (TimeoutException)
        {
            return new SshResult(Broken, "", "the connection does not answer");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await OrderAsync("exit", [], CancellationToken.None);
        folder.Dispose();
    }
}
