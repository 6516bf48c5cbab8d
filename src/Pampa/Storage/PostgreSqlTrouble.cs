using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;

namespace Pampa.Storage;

/// <summary>
/// What is said of a server that cannot be reached or cannot serve: the cause, which the driver hides under errors of its own, and what
/// mends it.
/// </summary>
internal static class PostgreSqlTrouble
{
    public const string Standby =
        "The server is a standby, which takes no changes. Give the address of the primary, or those of all servers with commas between them: the one that takes changes is found then.";

    public const string ReadOnly =
        "Transactions are read-only on this server, by default_transaction_read_only, and nothing can be changed. RESET it for the role (ALTER ROLE), the database (ALTER DATABASE) or the server (ALTER SYSTEM), or give the address of another server.";

    private const string Handshake = "Exception while performing SSL handshake";
    private const string NoTls = "SSL connection requested. No SSL enabled connection from this host is configured.";
    private const string NoPassword = "An exception was thrown from the password provider";
    private const string NoHost = "No suitable host was found.";

    /// <summary>Whether the server is there and lets nobody in just now: it starts, stops, or all its connections are taken.</summary>
    public static bool IsBusy(Exception error) => Ends(error).Any(chain => chain.Any(e =>
        e is PostgresException { SqlState: PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.CannotConnectNow }));

    /// <summary>Whether the certificate of the server was refused.</summary>
    public static bool IsOfCertificate(Exception error) => Ends(error).Any(chain => chain.Any(e => e is AuthenticationException));

    /// <summary>The causes, each once, and the first remedy that is known. No value of a record and no password is in them.</summary>
    public static (string Cause, string? Remedy) Of(Exception error)
    {
        var ends = Ends(error).ToList();
        return (string.Join("; ", ends.Select(Cause).Distinct(StringComparer.Ordinal)), ends.Select(Remedy).FirstOrDefault(r => r is not null));
    }

    // From the outermost error to each of the innermost ones: of several servers each has its own.
    private static IEnumerable<List<Exception>> Ends(Exception error) => error switch
    {
        AggregateException { InnerExceptions.Count: > 0 } several => several.InnerExceptions.SelectMany(Ends),
        { InnerException: { } inner } => Ends(inner).Select(end => (List<Exception>)[error, .. end]),
        _ => [[error]],
    };

    private static string Cause(List<Exception> chain)
    {
        // The server's own words; what comes after them may show values of records.
        if (chain.Find(e => e is PostgresException) is { } refused) return Line(refused);
        if (chain.Exists(e => e.Message == Handshake)) return $"TLS: {Line(chain[^1])}";
        // Which of the servers it was stands in the driver's own error.
        return chain[^1] is SocketException && chain.Count > 1 ? $"{Line(chain[^2])}: {Line(chain[^1])}" : Line(chain[^1]);
    }

    private static string Line(Exception error) => error.Message.Split('\n', 2)[0].TrimEnd('\r', '.', ' ');

    private static string? Remedy(List<Exception> chain)
    {
        if (chain.Find(e => e is PostgresException) is PostgresException refused) return OfState(refused.SqlState, refused.MessageText);
        if (chain.Exists(e => e.Message == Handshake))
            return "See that the server's certificate has the name by which it is reached (sslmode=verify-full), has not expired, and is issued by the authority in sslrootcert; sslmode=require encrypts and checks none of this.";
        if (chain.Exists(e => e.Message == NoPassword)) return "The file of the address is read anew for each connection: it must be there, and hold an address with the password.";
        return chain[^1].Message switch
        {
            NoTls => "The server does not speak TLS, and sslmode asks for it. Set ssl = on there; or give sslmode=disable, if everybody on the way may read and change what is sent.",
            NoHost => "None of the servers takes changes: each is a standby, is read-only, or was out of reach a moment ago. Promote one, or name the others, too.",
            _ => null,
        };
    }

    private static string? OfState(string state, string text) => state switch
    {
        PostgresErrorCodes.TooManyConnections =>
            "All connections that the server, the database or the role may have are taken. Look whose they are (SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1), end some, or raise the limit (max_connections, CONNECTION LIMIT).",
        PostgresErrorCodes.ReadOnlySqlTransaction => "The server takes no changes: it is a standby, or default_transaction_read_only is on. Promote it, RESET that, or give the address of the one that takes them.",
        PostgresErrorCodes.InvalidPassword => "Check the password. One that stands in a file (file:PATH, passfile) is read anew for each connection.",
        PostgresErrorCodes.InvalidAuthorizationSpecification when text.Contains("no encryption", StringComparison.Ordinal) =>
            "The server's pg_hba.conf lets this user in with TLS only, if at all: add sslmode=verify-full to the address.",
        PostgresErrorCodes.InvalidAuthorizationSpecification when text.Contains("certificate", StringComparison.Ordinal) =>
            "The server wants a certificate of this user: give sslcert=FILE and sslkey=FILE in the address.",
        PostgresErrorCodes.InvalidAuthorizationSpecification => "Check the user: it must be a role of the server that has LOGIN, and pg_hba.conf there must have a line that lets it in from this computer.",
        PostgresErrorCodes.CannotConnectNow => "The server starts, stops or recovers. It is waited for.",
        PostgresErrorCodes.DiskFull => "Make room on the disk of the server.",
        _ => null,
    };
}
