using System.Globalization;

namespace Pampa.Ssh.Connecting;

/// <summary>What OpenSSH says of a connection that failed, in the words of this program: where, what, and what to do.</summary>
internal static class SshFailure
{
    public static string Explain(SshNode node, string said)
    {
        var where = $"Node '{node.Name}': {Address(node)}";
        var remedy = "Compare its key (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on it) and add it, set HostKey, or take whatever key it shows this once with --trust-on-first-use.";
        return Key(node.HostKey, where, said, remedy) ?? Login(node, where, said) ?? Network(where, said)
            ?? $"{where} cannot be connected to: {Last(said)}";
    }

    /// <summary>What OpenSSH says of a jump host; null: nothing of a failure there.</summary>
    public static string? ExplainJump(SshNode node, JumpHost jump, string said)
    {
        var where = $"Node '{node.Name}': the jump host {jump}";
        var closed = said.Split('\n').FirstOrDefault(line => line.Contains("open failed", StringComparison.Ordinal));
        if (closed is not null) return $"{where} lets us in, and does not lead on to what comes next on the way to {Address(node)}: {closed.Trim()}";
        if (said.Contains("Permission denied", StringComparison.Ordinal) || said.Contains("Too many authentication failures", StringComparison.Ordinal))
            return $"{where} does not let us in with the keys of the agent and of OpenSSH's configuration; it is given no password, for PasswordFrom is the node's. {Last(said)}{Unused(said)}";
        var remedy = "Compare its key (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on it) and add it, or take whatever key it shows this once with --trust-on-first-use.";
        return Key(null, where, said, remedy) ?? Network(where, said);
    }

    public static string Address(SshNode node) =>
        $"{(node.User is { } user ? $"{user}@" : "")}{node.Host}{(node.Port is { } port ? $":{port.ToString(CultureInfo.InvariantCulture)}" : "")}";

    /// <summary>The last line of it that says something.</summary>
    public static string Last(string said) =>
        said.Split('\n').Select(line => line.Trim()).LastOrDefault(line => line.Length > 0 && !line.StartsWith('@')) ?? "";

    /// <summary>
    /// Why a key was of no use before the server saw it: one that cannot be read, or one that an agent holds and does not sign with. An
    /// agent that has it is asked even where the file of the key is named, and the file is not tried after it.
    /// </summary>
    private static string Unused(string said) =>
        said.Split('\n').Select(line => line.Trim()).FirstOrDefault(line =>
            line.Contains("signing failed", StringComparison.Ordinal) || line.StartsWith("Load key", StringComparison.Ordinal)) is { } why
            ? $" Before that: {why}"
            : "";

    private static string? Key(string? pinned, string where, string said, string remedy)
    {
        if (!said.Contains("Host key verification failed", StringComparison.Ordinal) && !said.Contains("host key is known", StringComparison.Ordinal)) return null;
        if (pinned is not null)
            return $"{where} does not show the host key that HostKey names, {pinned}: it is another computer, or somebody stands between. Nobody has logged in.";
        if (said.Contains("IDENTIFICATION HAS CHANGED", StringComparison.Ordinal))
        {
            var lines = said.Split('\n').Select(line => line.Trim()).ToList();
            var shown = lines.Find(line => line.StartsWith("SHA256:", StringComparison.Ordinal))?.TrimEnd('.');
            var at = lines.Find(line => line.StartsWith("Offending", StringComparison.Ordinal));
            return $"{where} shows another host key than the one that is known ({at}); now it is {shown}. Somebody may stand between, so nobody has logged in. If the computer was installed anew, compare the key there (ssh-keygen -lf) and take the old one out: ssh-keygen -R.";
        }
        return $"{where} is not known: known_hosts has no key of it, so nobody has logged in. {remedy}";
    }

    private static string? Login(SshNode node, string where, string said)
    {
        if (said.Contains("Permission denied", StringComparison.Ordinal) || said.Contains("Too many authentication failures", StringComparison.Ordinal))
        {
            var by = (node.PasswordFrom, node.PrivateKeyFile) switch
            {
                (null, null) => "with the keys of the agent and of ~/.ssh",
                (null, var key) => $"with the key {key}",
                (var password, null) => $"with the password from {password}",
                var (password, key) => $"with the key {key} or the password from {password}",
            };
            return $"{where} does not let us in {by}. {Last(said)}{Unused(said)}";
        }
        return said.Contains("UNPROTECTED PRIVATE KEY", StringComparison.Ordinal) ? $"{where}: a private key can be read by others: {Last(said)}" : null;
    }

    private static string? Network(string where, string said)
    {
        if (said.Contains("Could not resolve", StringComparison.Ordinal)) return $"{where}: there is no host of this name. {Last(said)}";
        if (said.Contains("Connection refused", StringComparison.Ordinal)) return $"{where}: nobody listens there. Is the SSH server running, and is it this port?";
        return said.Contains("timed out", StringComparison.Ordinal) || said.Contains("No route", StringComparison.Ordinal) || said.Contains("unreachable", StringComparison.Ordinal)
            ? $"{where} cannot be reached: {Last(said)}"
            : null;
    }
}
