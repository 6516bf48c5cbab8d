using System.Globalization;

namespace Pampa.Ssh.Connecting;

/// <summary>What OpenSSH's client is told. An option here goes before what its configuration files say.</summary>
internal static class SshArguments
{
    private const int ConnectSeconds = 10;

    // A line that is dead is noticed after so many seconds times three.
    private const int AliveSeconds = 5;

    // The connection ends by itself when this program has died without saying so.
    private const int IdleSeconds = 3_600;

    /// <summary>For the connection, which goes into the background when the node has let us in.</summary>
    /// <param name="node">Where to.</param>
    /// <param name="folder">The connection's folder.</param>
    /// <param name="trustsNew">Whether a key that is not known is taken and remembered.</param>
    /// <param name="hostKeys">The program that tells the one key that is taken; null: <c>known_hosts</c> tells them.</param>
    /// <param name="through">The command that leads there through jump hosts; null: OpenSSH's configuration says how.</param>
    public static List<string> Connect(SshNode node, SshFolder folder, bool trustsNew, string? hostKeys, string? through)
    {
        List<string> arguments =
        [
            "-f", "-N", "-M", "-S", folder.Socket, "-E", folder.Log, .. Always(trustsNew && hostKeys is null),
            .. Option("BatchMode", node.PasswordFrom is null ? "yes" : "no"),
            .. Option("ControlPersist", Number(IdleSeconds)), .. Option("ExitOnForwardFailure", "yes"),
        ];
        if (hostKeys is not null)
        {
            arguments.AddRange(Option("KnownHostsCommand", $"{Path(hostKeys)} %f %H %t %K"));
            arguments.AddRange(Option("UserKnownHostsFile", "/dev/null"));
            arguments.AddRange(Option("GlobalKnownHostsFile", "/dev/null"));
        }
        else
        {
            arguments.AddRange(KnownHosts(node));
        }
        if (node.PrivateKeyFile is { } key) arguments.AddRange(["-i", key, .. Option("IdentitiesOnly", "yes")]);
        if (node is { PasswordFrom: not null, PrivateKeyFile: null }) arguments.AddRange(Option("PubkeyAuthentication", "no"));
        if (node.ConfigFile is { } file) arguments.AddRange(["-F", file]);
        if (through is not null) arguments.AddRange(Option("ProxyCommand", through));
        else if (node.JumpHost is { } jump && JumpHost.IsNone(jump)) arguments.AddRange(["-J", jump]);
        if (node.User is { } user) arguments.AddRange(["-l", user]);
        if (node.Port is { } port) arguments.AddRange(["-p", Number(port)]);
        return [.. arguments, "--", node.Host];
    }

    /// <summary>
    /// For a jump host, in front of the address that it leads to. OpenSSH's own <c>-J</c> hands none of our options on, so that there
    /// what the configuration says of unknown keys would count, and a password would be asked for. Keys alone log in there: those of the
    /// agent and of the configuration, for the node's own are the node's.
    /// </summary>
    /// <param name="node">The node that is connected to in the end.</param>
    /// <param name="jump">The jump host.</param>
    /// <param name="log">The file of what OpenSSH says there.</param>
    /// <param name="trustsNew">Whether a key that is not known is taken and remembered.</param>
    /// <param name="through">The command that leads to it through the one before; null: OpenSSH's configuration says how.</param>
    public static List<string> Jump(SshNode node, JumpHost jump, string log, bool trustsNew, string? through)
    {
        List<string> arguments =
        [
            "-E", log, .. Always(trustsNew), .. Option("BatchMode", "yes"), .. Option("PasswordAuthentication", "no"),
            // One that stands already may be used; the end of this one is not somebody else's.
            .. Option("ControlMaster", "no"), .. KnownHosts(node),
        ];
        if (node.ConfigFile is { } file) arguments.AddRange(["-F", file]);
        if (through is not null) arguments.AddRange(Option("ProxyCommand", through));
        if (jump.User is { } user) arguments.AddRange(["-l", user]);
        if (jump.Port is { } port) arguments.AddRange(["-p", Number(port)]);
        return arguments;
    }

    /// <summary>For one command through a connection that stands; without that it must fail, and not make one of its own.</summary>
    public static List<string> Run(SshNode node, SshFolder folder, string command) =>
        ["-F", "none", "-S", folder.Socket, .. Option("ControlMaster", "no"), .. Option("ProxyCommand", "false"), .. Option("LogLevel", "ERROR"), "-T", "--", node.Host, command];

    /// <summary>For an order to the connection itself: <c>exit</c>, <c>check</c>, <c>forward</c> or <c>cancel</c>.</summary>
    public static List<string> Order(SshNode node, SshFolder folder, string order, params string[] more) =>
        ["-F", "none", "-S", folder.Socket, "-O", order, .. more, "--", node.Host];

    /// <summary>What holds for the node and for every jump host, whatever is configured.</summary>
    private static string[] Always(bool trustsNew) =>
    [
        // A key that is not known is refused before anybody logs in; one that has changed is refused whatever was said.
        .. Option("StrictHostKeyChecking", trustsNew ? "accept-new" : "yes"),
        // Nor is one taken because it is said to be this computer's, or because a name server has it.
        .. Option("NoHostAuthenticationForLocalhost", "no"), .. Option("VerifyHostKeyDNS", "no"), .. Option("UpdateHostKeys", "no"),
        .. Option("NumberOfPasswordPrompts", "1"), .. Option("ConnectTimeout", Number(ConnectSeconds)), .. Option("ConnectionAttempts", "1"),
        .. Option("ServerAliveInterval", Number(AliveSeconds)), .. Option("ServerAliveCountMax", "3"),
        .. Option("ForwardAgent", "no"), .. Option("ForwardX11", "no"), .. Option("Tunnel", "no"),
        .. Option("PermitLocalCommand", "no"), .. Option("RemoteCommand", "none"), .. Option("RequestTTY", "no"), .. Option("LogLevel", "INFO"),
    ];

    private static string[] KnownHosts(SshNode node) => node.KnownHostsFile is { } known
        ? [.. Option("UserKnownHostsFile", Path(known)), .. Option("GlobalKnownHostsFile", "/dev/null")] : [];

    private static string[] Option(string name, string value) => ["-o", $"{name}={value}"];

    // OpenSSH reads words and percent signs in such a value its own way.
    private static string Path(string path) => $"\"{path.Replace("%", "%%", StringComparison.Ordinal)}\"";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
