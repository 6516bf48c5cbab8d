using System.Net;
using Npgsql;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Remote;

/// <summary>The database as a node has to call it.</summary>
/// <param name="Address">The address that is put on the node.</param>
/// <param name="Forward">Where the node's port leads through the connection; null: nowhere.</param>
internal sealed record NodeDatabase(string Address, (string Host, int Port)? Forward)
{
    private const string Loopback = "127.0.0.1";
    private const string Proof = "ScramSHA256";
    private const string NoPassword = "!Password,!MD5";

    /// <param name="node">The node.</param>
    /// <param name="database">The database as this computer calls it.</param>
    /// <exception cref="NodeException">The node could not reach it.</exception>
    public static NodeDatabase Of(SshNode node, VerbDatabase database)
    {
        var where = $"Node '{node.Name}'";
        if (node.Database is { } own) return new NodeDatabase(Read(where, own), null);
        if (database.IsFile)
            throw new NodeException($"{where}: the database is a file of this computer ({database.Description}), which no other computer can reach. Use PostgreSQL or CockroachDB: set PAMPA_DATABASE_URL or --db.");
        var settings = new NpgsqlConnectionStringBuilder(database.Address);
        var host = settings.Host is { Length: > 0 } named ? named : "localhost";
        if (node.DatabaseForwardPort is { } port) return Through(where, settings, host, port);
        return IsLocal(host) && !IsLocal(node.Host)
            ? throw new NodeException($"{where}: the database's address names this computer ({host}), which there would mean the node. Say how the node calls it with ssh.Database, or let it go through this computer with ssh.DatabaseForwardPort.")
            : new NodeDatabase(database.Address, null);
    }

    /// <summary>Whether two addresses are those of the same database, for the same user, and only the password is another one.</summary>
    public static bool DiffersInPassword(string one, string other) =>
        one != other && WithoutPassword(one) is { } rest && rest == WithoutPassword(other);

    private static string? WithoutPassword(string address) =>
        VerbDatabase.ToConnectionString(address) is { } read ? new NpgsqlConnectionStringBuilder(read) { Password = null }.ConnectionString : null;

    /// <summary>
    /// Whether an address that the node has is that of this same database for the same user, whatever else it says, such as another password
    /// or another way to log in. Where a port of the node leads somewhere its address does not tell: there database and user count.
    /// </summary>
    public bool IsThatOf(string had)
    {
        if (Place.Of(had) is not { } former || Place.Of(Address) is not { } own || !former.IsNamedAs(own)) return false;
        return Forward is { } to ? IsLocal(former.Host) || former.IsAt(to.Host, to.Port) : former.IsAt(own.Host, own.Port);
    }

    /// <summary>
    /// The same for a verb that was given a database and puts no address on the node. Where the node calls the database its own way, database
    /// and user count.
    /// </summary>
    public static bool IsThatOf(SshNode node, VerbDatabase given, string had)
    {
        if (Place.Of(had) is not { } former || Place.Of(given.Address) is not { } own || !former.IsNamedAs(own)) return false;
        return node.Database is not null || (node.DatabaseForwardPort is not null && IsLocal(former.Host)) || former.IsAt(own.Host, own.Port);
    }

    /// <summary>Whether whoever has this address goes through the node's port.</summary>
    public static bool GoesThrough(string address, int? port) => Place.Of(address) is { } place && place.Port == port && IsLocal(place.Host);

    /// <summary>Where an address leads, and as whom.</summary>
    private sealed record Place(string Host, int Port, string? Database, string? User)
    {
        /// <summary>Null: that cannot be told, which is what its program will say.</summary>
        public static Place? Of(string address)
        {
            if (VerbDatabase.ToConnectionString(address) is not { } read) return null;
            var settings = new NpgsqlConnectionStringBuilder(read);
            var host = settings.Host is { Length: > 0 } named ? named : "localhost";
            return new Place(host, settings.Port, settings.Database ?? settings.Username, settings.Username);
        }

        public bool IsNamedAs(Place other) => Database == other.Database && User == other.User;

        public bool IsAt(string host, int port) => Port == port && Host.Equals(host, StringComparison.OrdinalIgnoreCase);
    }

    private static NodeDatabase Through(string where, NpgsqlConnectionStringBuilder settings, string host, int port)
    {
        if (host.Contains(',', StringComparison.Ordinal) || host.StartsWith('/'))
            throw new NodeException($"{where}: DatabaseForwardPort leads to one host and port, got {host}.");
        if (settings.SslMode == SslMode.VerifyFull)
            throw new NodeException($"{where}: with DatabaseForwardPort the node calls the database {Loopback}, which no certificate is for. Use sslmode=verify-ca.");
        // Whoever gets hold of that port while nothing leads through it would ask for the password as it is, or for a hash of it that is soon
        // guessed; a server that knows it proves that, too. Where a certificate is checked it has proved itself before. An address without a
        // password may be for a server that wants none, and the node may have one in ~/.pgpass all the same.
        if (settings is { RequireAuth: null or "" } && settings.SslMode != SslMode.VerifyCA)
            settings.RequireAuth = settings is { Password: null or "", Passfile: null or "" } ? NoPassword : Proof;
        var forward = (host, settings.Port);
        settings.Host = Loopback;
        settings.Port = port;
        return new NodeDatabase(settings.ConnectionString, forward);
    }

    private static string Read(string where, string text)
    {
        if (text.StartsWith("env:", StringComparison.Ordinal))
        {
            var name = text["env:".Length..];
            return Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
                ? value
                : throw new NodeException($"{where}: the environment has no variable '{name}', in which Database looks for the address.");
        }
        if (!text.StartsWith("file:", StringComparison.Ordinal)) return text;
        var file = text["file:".Length..];
        return File.Exists(file) ? File.ReadAllText(file).Trim() : throw new NodeException($"{where}: there is no file {file}, in which Database looks for the address.");
    }

    private static bool IsLocal(string host) =>
        host.StartsWith('/') || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
