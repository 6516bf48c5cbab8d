using System.Globalization;
using System.Text;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;

namespace Pampa.Ssh.Remote;

/// <summary>A node's side of the orders: one script, given with each of them, which takes everything as a word and nothing as its text.</summary>
internal sealed class NodeAgent(SshConnection connection, string cluster)
{
    /// <summary>As many releases are kept on a node, with the current one.</summary>
    private const int KeptReleases = 3;

    private const string DatabaseFile = "database";
    private const string LaunchFile = "launch";
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Unpacking = TimeSpan.FromMinutes(2);

    // Clearly more than what it is waited for may take, so that it is the node that says how that has ended.
    private static readonly TimeSpan Beyond = TimeSpan.FromMinutes(1);

    // Of a line that is slower than that, nobody waits for the end.
    private const long SlowestBytesPerSecond = 50_000;
    private const int SlowestLinesPerSecond = 200;

    /// <summary>Its text.</summary>
    public static Lazy<string> Script { get; } = new(() =>
    {
        using var reader = new StreamReader(typeof(NodeAgent).Assembly.GetManifestResourceStream("agent.sh")!);
        return reader.ReadToEnd();
    });

    private NodeFacts? facts;

    public SshNode Node => connection.Node;

    public SshConnection Connection => connection;

    /// <summary>The name of its service.</summary>
    public string Service => UnitFile.NameOf(cluster, Node.Name);

    /// <summary>What the node says of itself, now.</summary>
    /// <exception cref="NodeException">It does not answer, or it is no computer for a node.</exception>
    public async Task<NodeFacts> ProbeAsync(CancellationToken stopping)
    {
        facts = NodeFacts.Read((await DoAsync("probe", [], new SshOrder(Short), stopping)).Output);
        return facts.Runtime.Length > 0
            ? facts
            : throw new NodeException($"Node '{Node.Name}': .NET does not run on this kind of computer, {facts.Computer}. It runs on x86_64 and aarch64, and with programs of 32 bits on ARM from armv7l on.");
    }

    /// <summary>Delivers a release, whole or not at all.</summary>
    public async Task ReceiveAsync(Release release, Action<double> progress, CancellationToken stopping)
    {
        var archive = await release.ArchiveAsync(stopping);
        var order = new SshOrder(Unpacking + TimeSpan.FromSeconds(archive.Length / SlowestBytesPerSecond))
        {
            Send = (to, token) => archive.CopyAsync(to, progress, token),
        };
        await DoAsync("receive", [release.Name, archive.Sha256], order, stopping);
    }

    /// <summary>Makes a release the one that is started next.</summary>
    public Task SwitchAsync(string release, CancellationToken stopping) => DoAsync("switch", [release], new SshOrder(Short), stopping);

    public Task PruneAsync(CancellationToken stopping) =>
        DoAsync("prune", [KeptReleases.ToString(CultureInfo.InvariantCulture)], new SshOrder(Unpacking), stopping);

    /// <summary>
    /// Puts the database's address where only the node's user reads it, until <see cref="PlaceAsync"/> beside the one that there is.
    /// Returns whether it is another one.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <param name="atOnce">Whether the process that runs is to have it, too.</param>
    /// <param name="stopping">Gives up.</param>
    public Task<bool> PutDatabaseAsync(string address, bool atOnce, CancellationToken stopping) => PutAsync(DatabaseFile, address, atOnce, stopping);

    /// <summary>Remembers in the same way how the node is started. Returns whether it is another way than before.</summary>
    public Task<bool> PutLaunchAsync(Launch launch, CancellationToken stopping) => PutAsync(LaunchFile, launch.Text, false, stopping);

    private async Task<bool> PutAsync(string file, string text, bool atOnce, CancellationToken stopping) =>
        new Answer((await DoAsync("put", [file, atOnce ? "now" : "beside"], Sending(text), stopping)).Output).Is("changed");

    /// <summary>The address that the node has; empty: none.</summary>
    public async Task<string> DatabaseAsync(CancellationToken stopping) => Output(await DoAsync("get", [DatabaseFile], new SshOrder(Short), stopping));

    /// <summary>How the node was started last; null: it never was.</summary>
    public async Task<Launch?> LaunchAsync(CancellationToken stopping) => Launch.Read(Output(await DoAsync("get", [LaunchFile], new SshOrder(Short), stopping)));

    // Lines are read as such, so the last one has an end that it has not in the file.
    private static string Output(SshResult result) => result.Output.EndsWith('\n') ? result.Output[..^1] : result.Output;

    /// <summary>Lets what was put beside take its place; what stood there is kept for <see cref="RestoreAsync"/>.</summary>
    public Task PlaceAsync(CancellationToken stopping) => DoAsync("place", [], new SshOrder(Short), stopping);

    /// <summary>Puts back what stood there before.</summary>
    public Task RestoreAsync(CancellationToken stopping) => DoAsync("restore", [], new SshOrder(Short), stopping);

    /// <summary>Starts the current release.</summary>
    public async Task StartAsync(Launch launch, string? unit, CancellationToken stopping)
    {
        if (Facts.Manager != ServiceManager.None && unit is not null) await DoAsync("service", [], Sending(unit), stopping);
        await DoAsync("start", [launch.Program, .. launch.Arguments], new SshOrder(Short), stopping);
    }

    /// <summary>Asks the node to end and waits for it.</summary>
    /// <param name="patience">How long; a service of systemd has the time that its unit says.</param>
    /// <param name="kills">Whether it is killed then.</param>
    /// <param name="stopping">Gives up.</param>
    public Task StopAsync(TimeSpan patience, bool kills, CancellationToken stopping)
    {
        var seconds = ((long)Math.Ceiling(patience.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        // What systemd does takes as long as the service that is installed says, which may be of an earlier program.
        var longest = facts?.StopTime is { } own && own > patience ? own : patience;
        return DoAsync("stop", [seconds, kills ? "kill" : "leave"], new SshOrder(longest + Beyond), stopping);
    }

    /// <summary>Where systemd manages the node: it does not start with the computer any more, until it is started again.</summary>
    public Task DisableAsync(CancellationToken stopping) => DoAsync("disable", [], new SshOrder(Short), stopping);

    /// <summary>How many workers the node's process has that are processes of their own; null: it has not said so.</summary>
    public async Task<int?> WorkersAsync(CancellationToken stopping) =>
        (int?)new Answer((await DoAsync("workers", [], new SshOrder(Short), stopping)).Output).Number("workers");

    /// <summary>
    /// Whether somebody listens on a port of its loopback, the number of a user who does and is neither the node's own nor root, and whether
    /// others than that computer reach it.
    /// </summary>
    public async Task<(bool IsHeard, long? Stranger, bool IsOpen)> HearsAsync(int port, CancellationToken stopping)
    {
        var answer = new Answer((await DoAsync("hears", [port.ToString(CultureInfo.InvariantCulture)], new SshOrder(Short), stopping)).Output);
        return (answer.Is("hears"), answer.Number("stranger"), answer.Is("open"));
    }

    /// <summary>Lets a port of its loopback lead to an address that this computer reaches, as long as the connection stands.</summary>
    /// <exception cref="NodeException">The node does not give the port, or gives it to all the world.</exception>
    public async Task LeadAsync(int port, string host, int hostPort, CancellationToken stopping)
    {
        await connection.ForwardAsync(port, host, hostPort, stopping);
        // Whatever address it is asked for, a server may be told to listen on all.
        if (!(await HearsAsync(port, stopping)).IsOpen) return;
        await connection.EndForwardAsync(port, host, hostPort, CancellationToken.None);
        throw IsOpenToAll(port);
    }

    /// <summary>Says of a way to the database that it is everybody's.</summary>
    public NodeException IsOpenToAll(int port) => new(FormattableString.Invariant(
        $"Node '{Node.Name}': its SSH server opens port {port} to all who reach that computer, and they would reach the database through it: set GatewayPorts there to no, or to clientspecified."));

    /// <summary>What the node's program had to say of its end.</summary>
    public async Task<string> ErrorsAsync(CancellationToken stopping) => (await DoAsync("errors", [], new SshOrder(Short), stopping)).Output.Trim();

    public async Task<NodeUsage> UsageAsync(CancellationToken stopping) => NodeUsage.Read((await DoAsync("usage", [], new SshOrder(Short), stopping)).Output);

    /// <summary>Prints the end of the log, and if wanted what comes after it.</summary>
    public async Task LogsAsync(int lines, bool follows, Action<string> output, Action<string> errors, CancellationToken stopping)
    {
        var deadline = follows ? Timeout.InfiniteTimeSpan : Short + TimeSpan.FromSeconds((double)lines / SlowestLinesPerSecond);
        var order = new SshOrder(deadline) { Output = output, Errors = errors, EndsWithInput = follows };
        await DoAsync("logs", [lines.ToString(CultureInfo.InvariantCulture), follows ? "follow" : "end"], order, stopping);
    }

    /// <summary>Runs a command, which ends when we do. Returns its exit code.</summary>
    public async Task<int> ExecAsync(IReadOnlyList<string> command, TimeSpan deadline, Action<string> output, Action<string> errors, CancellationToken stopping)
    {
        var order = new SshOrder(deadline) { Output = output, Errors = errors, EndsWithInput = true };
        return (await connection.RunAsync("exec", Words("exec", command), order, stopping)).Code;
    }

    /// <exception cref="NodeException">The command would not be permitted.</exception>
    public Task CheckRebootAsync(IReadOnlyList<string> command, CancellationToken stopping) => DoAsync("mayreboot", command, new SshOrder(Short), stopping);

    /// <summary>Why the command has not done it; null: it has ended well, or not yet.</summary>
    public async Task<string?> RebootFailureAsync(CancellationToken stopping)
    {
        var answer = new Answer((await DoAsync("rebooted", [], new SshOrder(Short), stopping)).Output);
        // One that was killed may have been so by what it has begun.
        return answer.Number("ended") is { } code and > 0 and < 128
            ? string.Create(CultureInfo.InvariantCulture, $"the command ended with {code}: {answer.Text("said")}") : null;
    }

    public Task RebootAsync(IReadOnlyList<string> command, CancellationToken stopping) => DoAsync("reboot", command, new SshOrder(Short), stopping);

    private NodeFacts Facts => facts ?? throw new InvalidOperationException("A node is asked what it is before it is given orders.");

    private static SshOrder Sending(string text) => new(Short) { Send = async (to, token) => await to.WriteAsync(Encoding.UTF8.GetBytes(text), token) };

    private async Task<SshResult> DoAsync(string what, IReadOnlyList<string> words, SshOrder order, CancellationToken stopping)
    {
        var result = await connection.RunAsync(what, Words(what, words), order, stopping);
        if (result.Code == 0) return result;
        var said = result.Errors.Trim().ReplaceLineEndings(" ");
        throw new NodeException($"Node '{Node.Name}': {what}: {(said.Length > 0 ? said : $"ended with {result.Code.ToString(CultureInfo.InvariantCulture)}")}");
    }

    private IEnumerable<string> Words(string order, IEnumerable<string> more) =>
    [
        "sh", "-c", Script.Value, "pampa", order, $"{Node.Folder.TrimEnd('/')}/{cluster}/{Node.Name}",
        facts?.Manager switch { ServiceManager.System => "system", ServiceManager.User => "user", _ => "none" }, Service, .. more,
    ];
}
