namespace Pampa.Ssh.Connecting;

/// <summary>
/// A folder of this user's alone for one connection: the socket through which its commands go, OpenSSH's log, and what OpenSSH asks
/// while it connects. It goes with the connection.
/// </summary>
internal sealed class SshFolder : IDisposable
{
    private const UnixFileMode OwnerReads = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OthersRead =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    // Made for the owner alone.
    private readonly string path = Directory.CreateTempSubdirectory("pampa-ssh-").FullName;

    /// <summary>The connection's socket. A short name: such a path has 100 characters at most.</summary>
    public string Socket => Path.Combine(path, "c");

    public string Log => Path.Combine(path, "log");

    /// <summary>The file of the password, while there is one.</summary>
    public string Secret => Path.Combine(path, "secret");

    /// <summary>
    /// The program that OpenSSH asks for a password. It gets the path from the environment, and no password stands in any. Only the
    /// connection's own client is answered: the one of a jump host that stands in OpenSSH's configuration is its child, has its
    /// environment, and would hand the node's password to another host.
    /// </summary>
    public string WriteAskPass(string password)
    {
        Write(Secret, password, OwnerReads);
        return WriteScript("ask", $"""
            line=$(tr '\0' ' ' 2> /dev/null < "/proc/$PPID/cmdline")
            [ -n "$line" ] || line=$(ps -ww -o args= -p "$PPID" 2> /dev/null)
            case $line in
              *{Quoting.Line([$" -S {Socket} "])}*) exec cat "${SecretVariable}" ;;
            esac
            exit 1
            """);
    }

    /// <summary>What OpenSSH says of a jump host.</summary>
    public string JumpLog(int number) => Path.Combine(path, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"jump{number}.log"));

    /// <summary>
    /// The command that leads through a jump host, for OpenSSH to run. It is a file, so that no shell but its own reads what the host is told;
    /// and nothing that it runs is told a password. It asks nobody anything, so it need not end with the CTRL+C of a terminal.
    /// </summary>
    public string WriteJump(int number, IEnumerable<string> arguments, string host)
    {
        var file = WriteScript(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"jump{number}"), $"""
            unset SSH_ASKPASS SSH_ASKPASS_REQUIRE {SecretVariable}
            exec $(command -v setsid) ssh {Quoting.Line(arguments)} -W "$1" -- {Quoting.Line([host])}
            """);
        return $"/bin/sh {Quoting.Line([file]).Replace("%", "%%", StringComparison.Ordinal)} '[%h]:%p'";
    }

    /// <summary>
    /// The program that OpenSSH asks for the keys of a host before it logs in: it takes the one key that the server shows for known if its
    /// fingerprint is the one that was said.
    /// </summary>
    public string WriteHostKeys(string fingerprint) =>
        WriteScript("hostkeys", $"""[ "$1" != '{fingerprint.TrimEnd('=')}' ] || echo "$2 $3 $4" """);

    public const string SecretVariable = "PAMPA_SSH_SECRET";

    /// <summary>What OpenSSH has said so far.</summary>
    public string ReadLog() => Read(Log);

    /// <summary>A log, if there is one.</summary>
    public static string Read(string log) => File.Exists(log) ? File.ReadAllText(log) : "";

    /// <summary>Takes away what a connection that was has left.</summary>
    public void Clear()
    {
        foreach (var file in Directory.GetFiles(path)) File.Delete(file);
    }

    /// <summary>Nobody asks for the password any more.</summary>
    public void ForgetSecret() => File.Delete(Secret);

    /// <summary>Refuses a file with a secret that somebody else can read, or that cannot be read.</summary>
    /// <exception cref="NodeException">It is not its owner's alone.</exception>
    public static void CheckIsPrivate(string node, string what, string file)
    {
        if (!File.Exists(file)) throw new NodeException($"Node '{node}': there is no file {file} ({what}).");
        if (OperatingSystem.IsWindows()) return;
        var mode = File.GetUnixFileMode(file);
        if ((mode & OthersRead) == 0) return;
        var octal = Convert.ToString((int)mode, 8).PadLeft(4, '0');
        throw new NodeException($"Node '{node}': {file} ({what}) must be its owner's alone, got the mode {octal}: others can read it, so it is not used. Run: chmod 600 {file}");
    }

    private string WriteScript(string name, string command)
    {
        var file = Path.Combine(path, name);
        Write(file, $"#!/bin/sh\n{command}\n", OwnerReads | UnixFileMode.UserExecute);
        return file;
    }

    private static void Write(string file, string text, UnixFileMode mode)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using var writer = new StreamWriter(file, options);
        writer.Write(text);
    }

    public void Dispose() => Directory.Delete(path, recursive: true);
}
