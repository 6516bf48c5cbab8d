using System.Text.RegularExpressions;

namespace Pampa.Ssh;

/// <summary>What is said of a node that is reached by SSH. Nothing here is looked at before a verb <c>nodes</c> connects.</summary>
public sealed partial class SshNode
{
    private const int MaxWorkers = 1_000;

    internal SshNode(string name, string host) => (Name, Host) = (name, host);

    /// <summary>The node's name.</summary>
    public string Name { get; }

    /// <summary>Its address.</summary>
    public string Host { get; }

    /// <summary>The port of its SSH server. 1 to 65,535; default null: what OpenSSH's configuration says, else 22.</summary>
    public int? Port { get; set; }

    /// <summary>Who logs in; the node runs as this user. Default null: what OpenSSH's configuration says, else the local user's name.</summary>
    public string? User { get; set; }

    /// <summary>
    /// Where the password stands: <c>env:NAME</c> or <c>file:PATH</c>; a file must be its owner's alone. It is also the pass phrase of <see
    /// cref="PrivateKeyFile"/> where that has one. Default null: keys only. A password itself is refused here: a program's text is read
    /// by many.
    /// </summary>
    public string? PasswordFrom { get; set; }

    /// <summary>
    /// The file of the private key; it must be its owner's alone. Default null: the agent's keys, and those that OpenSSH looks for by
    /// itself.
    /// </summary>
    public string? PrivateKeyFile { get; set; }

    /// <summary>
    /// The only host key that is taken, as <c>SHA256:…</c> (what <c>ssh-keygen -lf</c> prints); then <c>known_hosts</c> is not asked.
    /// Default null: the key that <c>known_hosts</c> has.
    /// </summary>
    public string? HostKey { get; set; }

    /// <summary>The file of known hosts. Default null: OpenSSH's own.</summary>
    public string? KnownHostsFile { get; set; }

    /// <summary>The configuration of OpenSSH's client. Default null: its own, <c>~/.ssh/config</c>.</summary>
    public string? ConfigFile { get; set; }

    /// <summary>
    /// A host to go through, as <c>user@host:port</c>; several with commas between them. Its key is checked as the node's is, and it lets us
    /// in by a key of the agent or of OpenSSH's configuration: the node's password and key are not shown to it. Default null: what
    /// OpenSSH's configuration says; <c>none</c> is none in any case.
    /// </summary>
    public string? JumpHost { get; set; }

    /// <summary>How many tasks the node runs at the same time. 1 to 1,000; default null: <see cref="PampaBuilder.Workers"/>, counted there.</summary>
    public int? Workers { get; set; }

    /// <summary>Whether each worker is a process of its own (<c>node --isolated</c>). Default false.</summary>
    public bool IsIsolated { get; set; }

    /// <summary>
    /// What each worker may take of its computer; <see cref="IsIsolated"/> must be set. Where systemd runs the node, its service lets it
    /// enforce them. Default null: no limits.
    /// </summary>
    public WorkerLimits? Limits { get; set; }

    /// <summary>
    /// Whether each line of its log is an object, for programs that collect logs (<c>node --log-format json</c>). Default false: lines for
    /// people.
    /// </summary>
    public bool LogsAsJson { get; set; }

    /// <summary>
    /// Words by which verbs choose nodes: <c>nodes up --tag europe</c>. 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c> each, the first
    /// a letter or digit.
    /// Default: none.
    /// </summary>
    public ICollection<string> Tags { get; } = [];

    /// <summary>
    /// The folder on the node for what is delivered: absolute, or from the home of the user on. Letters, digits, <c>.</c>, <c>_</c>,
    /// <c>-</c> and <c>/</c>. Default <c>.pampa</c>.
    /// </summary>
    public string Folder { get; set; } = ".pampa";

    /// <summary>
    /// The database's address as the node must call it: a URL without a password, <c>env:NAME</c> or <c>file:PATH</c>, read on this
    /// computer. Default null: the address that this program uses itself.
    /// </summary>
    public string? Database { get; set; }

    /// <summary>
    /// For a node that cannot reach the database: a port on the node's own <c>127.0.0.1</c> that leads through the SSH connection to the
    /// database as this computer reaches it, while <c>nodes forward</c> runs. 1 to 65,535; default null: the node connects by itself.
    /// </summary>
    public int? DatabaseForwardPort { get; set; }

    /// <summary>What reboots the computer, program and arguments. Default null: <c>reboot</c>, with <c>sudo -n</c> for who is not root.</summary>
    public IReadOnlyList<string>? RebootCommand { get; set; }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z")]
    private static partial Regex Identifier { get; }

    /// <summary>The same in words.</summary>
    internal const string IdentifierForm = "1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit";

    // A host that begins with a hyphen would be an option.
    [GeneratedRegex("^[A-Za-z0-9_\\[:][A-Za-z0-9._:%\\]-]{0,254}\\z")]
    private static partial Regex HostForm { get; }

    [GeneratedRegex("^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}\\z")]
    private static partial Regex UserForm { get; }

    [GeneratedRegex("^[A-Za-z0-9_\\[:][A-Za-z0-9._:@,%\\]-]{0,1000}\\z")]
    private static partial Regex JumpForm { get; }

    [GeneratedRegex("^[A-Za-z0-9._/][A-Za-z0-9._/-]{0,199}\\z")]
    private static partial Regex FolderForm { get; }

    [GeneratedRegex("^SHA256:[A-Za-z0-9+/]{43}=?\\z")]
    private static partial Regex FingerprintForm { get; }

    /// <summary>Whether a name is one that nobody can misread.</summary>
    internal static bool IsIdentifier(string name) => Identifier.IsMatch(name);

    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    internal void Check()
    {
        var errors = new List<string>();
        if (!Identifier.IsMatch(Name)) Add($"the name must be {IdentifierForm}");
        if (!HostForm.IsMatch(Host)) Add($"the host must be a name or an IP address, got '{Host}'");
        if (Port is < 1 or > 65_535) Add(FormattableString.Invariant($"Port must be between 1 and 65,535, got {Port}"));
        if (DatabaseForwardPort is < 1 or > 65_535) Add(FormattableString.Invariant($"DatabaseForwardPort must be between 1 and 65,535, got {DatabaseForwardPort}"));
        if (Workers is < 1 or > MaxWorkers) Add(FormattableString.Invariant($"Workers must be between 1 and {MaxWorkers:N0}, got {Workers}"));
        if (User is { } user && !UserForm.IsMatch(user)) Add($"User must be the name of a user, got '{user}'");
        if (JumpHost is { } jump && (!JumpForm.IsMatch(jump) || Connecting.JumpHost.TryRead(jump) is null)) Add($"JumpHost must be user@host:port, got '{jump}'");
        if (!FolderForm.IsMatch(Folder) || Folder.Split('/').Contains("..")) Add($"Folder must be a path of letters, digits, '.', '_', '-' and '/', got '{Folder}'");
        if (HostKey is { } key && !FingerprintForm.IsMatch(key)) Add($"HostKey must be a fingerprint like SHA256:…, as ssh-keygen -lf prints it, got '{key}'");
        if (PasswordFrom is { } from && !from.StartsWith("env:", StringComparison.Ordinal) && !from.StartsWith("file:", StringComparison.Ordinal))
            Add("PasswordFrom must be env:NAME or file:PATH, for a program's text is read by many; what stands there instead is not shown");
        if (Database is { } database && VerbDatabase.HasPassword(database))
            Add("Database must have no password, for a program's text is read by many: put the address into a variable or a file, and say env:NAME or file:PATH; what stands there instead is not shown");
        if (Database is not null && DatabaseForwardPort is not null)
            Add("Database says how the node calls the database, and DatabaseForwardPort that it goes through this computer: set one of them");
        // What else may be wrong with them is told with the rest of the program.
        if (Limits is not null && !IsIsolated) Add("Limits are for workers that are processes of their own: set IsIsolated, or take them out");
        if (Tags.FirstOrDefault(tag => !Identifier.IsMatch(tag)) is { } wrong) Add($"a tag must be {IdentifierForm}, got '{wrong}'");
        if (errors.Count > 0) throw new PampaConfigurationException(errors);

        void Add(string what) => errors.Add($"Node '{Name}': {what}.");
    }
}
