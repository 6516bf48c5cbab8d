using System.Net;
using System.Text.RegularExpressions;
using Npgsql;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Remote;

/// <summary>The database as a node has to call it.</summary>
/// <param name="Address">The address that is put on the node.</param>
/// <param name="Forward">Where the node's port leads through the connection; null: nowhere.</param>
internal sealed partial record NodeDatabase(string Address, (string Host, int Port)? Forward)
{
    private const string Loopback = "127.0.0.1";

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

    private static string? WithoutPassword(string address)
    {
        if (address.Length == 0) return null;
        if (address.Contains("://", StringComparison.Ordinal)) return PasswordInUrl.Replace(address, "$1@");
        try
        {
            return new NpgsqlConnectionStringBuilder(address) { Password = null }.ConnectionString;
        }
        catch (ArgumentException)
        {
            // What it is its program will say.
            return null;
        }
    }

    [GeneratedRegex("^([a-z]+://[^:/@?]*):[^@/]*@")]
    private static partial Regex PasswordInUrl { get; }

    private static NodeDatabase Through(string where, NpgsqlConnectionStringBuilder settings, string host, int port)
    {
        if (host.Contains(',', StringComparison.Ordinal) || host.StartsWith('/'))
            throw new NodeException($"{where}: DatabaseForwardPort leads to one host and port, got {host}.");
        if (settings.SslMode == SslMode.VerifyFull)
            throw new NodeException($"{where}: with DatabaseForwardPort the node calls the database {Loopback}, which no certificate is for. Use sslmode=verify-ca.");
        // Whoever gets hold of that port while nothing leads through it would ask for the password as it is, or for one that is easily guessed
        // from its hash; a server that knows it can do without. Where a certificate is checked it has proved itself before.
        if (settings is { Password.Length: > 0, RequireAuth: null or "" } && settings.SslMode != SslMode.VerifyCA)
            settings.RequireAuth = "ScramSHA256";
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
