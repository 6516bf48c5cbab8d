using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Pampa.Storage;

/// <summary>
/// Where the database is: from a URL, an ADO.NET connection string or a file's path, with its dialect.
/// </summary>
internal sealed partial record DatabaseAddress(Dialect Dialect, string ConnectionString)
{
    /// <summary>Where it is, for people: never a password.</summary>
    public string Description => Dialect.Describe(ConnectionString);

    /// <summary>The file that the address names and that is not there; null: it is, or the database is a server.</summary>
    public string? MissingFile => Dialect is SqliteDialect && new SqliteConnectionStringBuilder(ConnectionString).DataSource is { Length: > 0 } file
        && file[0] != ':' && !file.StartsWith("file:", StringComparison.OrdinalIgnoreCase) && !File.Exists(file) ? file : null;

    public static DatabaseAddress SqliteFile(string path) =>
        new(new SqliteDialect(), new SqliteConnectionStringBuilder { DataSource = path }.ConnectionString);

    /// <summary>Parses an address that stands somewhere and may change there: its password is read anew for each connection.</summary>
    /// <exception cref="FormatException">What was expected; never the text itself, it may hold a password.</exception>
    public static DatabaseAddress Parse(Func<string> read)
    {
        var address = Parse(read());
        return address.Dialect switch
        {
            CockroachDbDialect => address with { Dialect = new CockroachDbDialect { Password = Password } },
            PostgreSqlDialect => address with { Dialect = new PostgreSqlDialect { Password = Password } },
            _ => address,
        };

        string Password() => new NpgsqlConnectionStringBuilder(Parse(read()).ConnectionString).Password
            ?? throw new FormatException("the database's address has no password any more where it is read from");
    }

    /// <summary>Parses an address.</summary>
    /// <exception cref="FormatException">What was expected; never the text itself, it may hold a password.</exception>
    public static DatabaseAddress Parse(string text)
    {
        text = text.Trim();
        var scheme = text.IndexOf("://", StringComparison.Ordinal) is var end and > 0 ? text[..end].ToLowerInvariant() : "";
        return scheme switch
        {
            "postgres" or "postgresql" => new(new PostgreSqlDialect(), FromUrl(text)),
            "cockroachdb" or "cockroach" => new(new CockroachDbDialect(), FromUrl(text)),
            "sqlite" => SqliteFile(text["sqlite://".Length..]),
            "" when text.StartsWith("sqlite:", StringComparison.OrdinalIgnoreCase) => SqliteFile(text["sqlite:".Length..]),
            "" when text.Contains("Host=", StringComparison.OrdinalIgnoreCase) || text.Contains("Server=", StringComparison.OrdinalIgnoreCase) =>
                new(new PostgreSqlDialect(), Checked(() => new NpgsqlConnectionStringBuilder(text).ConnectionString)),
            "" when text.StartsWith("Data Source=", StringComparison.OrdinalIgnoreCase) || text.StartsWith("Filename=", StringComparison.OrdinalIgnoreCase) =>
                new(new SqliteDialect(), Checked(() => new SqliteConnectionStringBuilder(text).ConnectionString)),
            "" when text.Length > 0 && !text.Contains('=') && !text.Contains('@') => SqliteFile(text),
            _ => throw new FormatException(Expected),
        };
    }

    /// <summary>Whether an address carries a password, so that it must not stand on a command line.</summary>
    public static bool HasPassword(string text)
    {
        for (var round = 0; round < DeepestEncoding; round++)
        {
            if (PasswordSetting.IsMatch(text) || PasswordInUrl.IsMatch(text)) return true;
            var decoded = Uri.UnescapeDataString(text);
            if (decoded == text) return false;
            text = decoded;
        }
        return true;
    }

    // What is still encoded after that is encoded to hide something.
    private const int DeepestEncoding = 4;

    /// <summary>Whether a text that should be something else looks like the greater part of such an address.</summary>
    public static bool MayHoldPassword(string text) => UserInfo.IsMatch(text);

    [GeneratedRegex(@":[^/\\]*@", RegexOptions.CultureInvariant)]
    private static partial Regex UserInfo { get; }

    // Of the text as it stands: one that is no valid address may hold a password all the same.
    [GeneratedRegex(@"(password|passwd|pwd|psw|\bpass)\s*=", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex PasswordSetting { get; }

    [GeneratedRegex(@"://[^/@]*:[^@]*@", RegexOptions.CultureInvariant)]
    private static partial Regex PasswordInUrl { get; }

    [GeneratedRegex(@"^\w+://(?:[^/@?#]*@)?(?<hosts>[\w.-]+(?::\d+)?(?:,[\w.-]+(?::\d+)?)+)(?=[/?]|$)", RegexOptions.CultureInvariant)]
    private static partial Regex SeveralHosts { get; }

    private const string Expected =
        "expected postgres://user:password@host:5432/database, cockroachdb://…, sqlite:FILE, a file's path, or an ADO.NET connection string";

    private static string FromUrl(string text)
    {
        // Several servers of one cluster: a URL may name one, so the others are taken out and put back.
        var several = SeveralHosts.Match(text);
        if (several.Success) text = text.Remove(several.Groups["hosts"].Index, several.Groups["hosts"].Length).Insert(several.Groups["hosts"].Index, "several");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url)) throw new FormatException(Expected);
        var settings = new NpgsqlConnectionStringBuilder { Host = url.Host.Length > 0 ? Uri.UnescapeDataString(url.Host.Trim('[', ']')) : "localhost" };
        if (several.Success) settings.Host = several.Groups["hosts"].Value;
        if (url.Port > 0) settings.Port = url.Port;
        if (url.AbsolutePath.Length > 1) settings.Database = Uri.UnescapeDataString(url.AbsolutePath[1..]);
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0) settings.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) settings.Password = Uri.UnescapeDataString(user[1]);
        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            Set(settings, Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
        }
        // So does libpq: whoever names an authority wants it asked.
        if (settings is { SslMode: SslMode.Require, RootCertificate: not null }) settings.SslMode = SslMode.VerifyCA;
        return settings.ConnectionString;
    }

    // The names that libpq knows, and after them Npgsql's own.
    private static void Set(NpgsqlConnectionStringBuilder settings, string name, string value)
    {
        var key = name.ToLowerInvariant() switch
        {
            // The driver does this by itself, or nothing depends on it.
            "sslrootcert" when value == "system" => null,
            "sslsni" or "sslcompression" or "keepalives" or "tcp_user_timeout" or "fallback_application_name" or "client_encoding" => null,
            "sslmode" => "SSL Mode",
            "sslrootcert" => "Root Certificate",
            "sslcert" => "SSL Certificate",
            "sslkey" => "SSL Key",
            "connect_timeout" => "Timeout",
            "application_name" => "Application Name",
            "target_session_attrs" => "Target Session Attributes",
            "host" => "Host",
            "port" => "Port",
            "dbname" => "Database",
            "user" => "Username",
            "password" => "Password",
            "options" => "Options",
            "sslpassword" => "SSL Password",
            "channel_binding" => "Channel Binding",
            "gssencmode" => "GSS Encryption Mode",
            "require_auth" => "Require Auth",
            "keepalives_idle" => "TCP KeepAlive Time",
            "keepalives_interval" => "TCP KeepAlive Interval",
            _ => name,
        };
        if (key is null) return;
        if (key == "SSL Mode") value = value.Replace("-", "", StringComparison.Ordinal);
        if (key == "Require Auth") value = string.Join(',', value.Split(',').Select(Authentication));
        try
        {
            settings[key] = value;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new FormatException($"the database URL has a parameter '{name}' that is not known or has a value it cannot have");
        }
    }

    // What libpq calls them, also those that are not to be, which have a sign before.
    private static string Authentication(string method) => method.Trim() switch
    {
        ['!', .. var not] => $"!{Authentication(not)}",
        "scram-sha-256" => "ScramSHA256",
        "md5" => "MD5",
        "password" => "Password",
        "gss" => "GSS",
        "sspi" => "SSPI",
        "none" => "None",
        var other => other,
    };

    private static string Checked(Func<string> parse)
    {
        try
        {
            return parse();
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new FormatException(Expected);
        }
    }
}
