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
    public static List<string> Connect(SshNode node, SshFolder folder, bool trustsNew, string? hostKeys)
    {
        List<string> arguments =
        [
            "-f", "-N", "-M", "-S", folder.Socket, "-E", folder.Log,
            // A key that is not known is refused before anybody logs in; one that has changed is refused whatever was said.
            .. Option("StrictHostKeyChecking", trustsNew && hostKeys is null ? "accept-new" : "yes"),
            .. Option("BatchMode", node.PasswordFrom is null ? "yes" : "no"), .. Option("NumberOfPasswordPrompts", "1"),
            .. Option("ConnectTimeout", Number(ConnectSeconds)), .. Option("ConnectionAttempts", "1"),
            .. Option("ServerAliveInterval", Number(AliveSeconds)), .. Option("ServerAliveCountMax", "3"),
            .. Option("ControlPersist", Number(IdleSeconds)), .. Option("UpdateHostKeys", "no"), .. Option("ExitOnForwardFailure", "yes"),
            .. Option("ForwardAgent", "no"), .. Option("ForwardX11", "no"), .. Option("Tunnel", "no"),
            .. Option("PermitLocalCommand", "no"), .. Option("RemoteCommand", "none"), .. Option("RequestTTY", "no"), .. Option("LogLevel", "INFO"),
        ];
        if (hostKeys is not null)
        {
            arguments.AddRange(Option("KnownHostsCommand", $"{Path(hostKeys)} %f %H %t %K"));
            arguments.AddRange(Option("UserKnownHostsFile", "/dev/null"));
            arguments.AddRange(Option("GlobalKnownHostsFile", "/dev/null"));
        }
        else if (node.KnownHostsFile is { } known)
        {
            arguments.AddRange(Option("UserKnownHostsFile", Path(known)));
            arguments.AddRange(Option("GlobalKnownHostsFile", "/dev/null"));
        }
        if (node.PrivateKeyFile is { } key) arguments.AddRange(["-i", key, .. Option("IdentitiesOnly", "yes")]);
        if (node is { PasswordFrom: not null, PrivateKeyFile: null }) arguments.AddRange(Option("PubkeyAuthentication", "no"));
        if (node.ConfigFile is { } file) arguments.AddRange(["-F", file]);
        if (node.JumpHost is { } jump) arguments.AddRange(["-J", jump]);
        if (node.User is { } user) arguments.AddRange(["-l", user]);
        if (node.Port is { } port) arguments.AddRange(["-p", Number(port)]);
        return [.. arguments, "--", node.Host];
    }

    /// <summary>For one command through a connection that stands; without that it must fail, and not make one of its own.</summary>
    public static List<string> Run(SshNode node, SshFolder folder, string command) =>
        ["-F", "none", "-S", folder.Socket, .. Option("ControlMaster", "no"), .. Option("ProxyCommand", "false"), .. Option("LogLevel", "ERROR"), "-T", "--", node.Host, command];

    /// <summary>For an order to the connection itself: <c>exit</c>, <c>check</c> or <c>forward</c>.</summary>
    public static List<string> Order(SshNode node, SshFolder folder, string order, params string[] more) =>
        ["-F", "none", "-S", folder.Socket, "-O", order, .. more, "--", node.Host];

    private static string[] Option(string name, string value) => ["-o", $"{name}={value}"];

    // OpenSSH reads words and percent signs in such a value its own way.
    private static string Path(string path) => $"\"{path.Replace("%", "%%", StringComparison.Ordinal)}\"";

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
