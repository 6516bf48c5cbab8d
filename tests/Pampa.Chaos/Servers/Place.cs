using System.Data.Common;
using Npgsql;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Servers;

/// <summary>Where the database of a run is, on a server.</summary>
/// <param name="Owner">Leads there as its owner, past all that is broken on purpose: so comes the harness.</param>
/// <param name="Role">Leads there as the processes come, with no more rights than they need.</param>
internal sealed record Place(NpgsqlConnectionStringBuilder Owner, NpgsqlConnectionStringBuilder Role)
{
    /// <summary>The role's name.</summary>
    public string RoleName => Role.Username!;

    /// <summary>On a server of the run's own.</summary>
    /// <param name="server">The server.</param>
    /// <param name="port">Where the processes reach it.</param>
    public static Place On(PostgresServer server, int port)
    {
        var owner = new NpgsqlConnectionStringBuilder(server.Settings) { Database = "chaos" };
        return new Place(owner, new NpgsqlConnectionStringBuilder(owner.ConnectionString) { Port = port, Username = PostgresServer.Role });
    }

    /// <summary>The URL of a process, which says how its connections call themselves.</summary>
    public string UrlOf(string application, Profile profile)
    {
        var settings = new NpgsqlConnectionStringBuilder(Role.ConnectionString) { ApplicationName = application };
        if (profile == Profile.Portable) settings.Options = $"{settings.Options} -c default_transaction_isolation=serializable".TrimStart();
        return Url(settings, SchemeOf(profile));
    }

    /// <summary>How a URL of a profile begins.</summary>
    public static string SchemeOf(Profile profile) => profile == Profile.Portable ? "cockroachdb" : "postgres";

    /// <summary>The URL of an address, with all that it says.</summary>
    public static string Url(NpgsqlConnectionStringBuilder settings, string scheme)
    {
        string[] named = ["Host", "Port", "Username", "Password", "Database"];
        var all = new DbConnectionStringBuilder { ConnectionString = settings.ConnectionString };
        var parameters = all.Keys.Cast<string>().Where(k => !named.Contains(k, StringComparer.OrdinalIgnoreCase))
            .Select(k => $"{Uri.EscapeDataString(k)}={Uri.EscapeDataString(Store.Invariant($"{all[k]}"))}");
        var user = Uri.EscapeDataString(settings.Username!) + (settings.Password is { } password ? $":{Uri.EscapeDataString(password)}" : "");
        return Store.Invariant($"{scheme}://{user}@{settings.Host}:{settings.Port}/{settings.Database}?{string.Join('&', parameters)}").TrimEnd('?');
    }

    /// <summary>Reads an address: a URL as libpq has it, or settings as ADO.NET has them. Null: it is neither.</summary>
    public static NpgsqlConnectionStringBuilder? Parse(string text)
    {
        try
        {
            if (!text.Contains("://", StringComparison.Ordinal)) return new NpgsqlConnectionStringBuilder(text) is { Host: not null } settings ? settings : null;
            var url = new Uri(text);
            var user = url.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString).ToArray();
            var database = Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/'));
            var read = new NpgsqlConnectionStringBuilder { Host = url.Host, Username = user[0], Database = database };
            if (url.Port > 0) read.Port = url.Port;
            if (user.Length > 1) read.Password = user[1];
            foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                if (pair.Split('=', 2).Select(Uri.UnescapeDataString).ToArray() is not [var name, var value]) return null;
                var key = name switch { "sslmode" => "SSL Mode", "sslrootcert" => "Root Certificate", "sslcert" => "SSL Certificate", "sslkey" => "SSL Key", _ => name };
                read[key] = key == "SSL Mode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
            }
            return read;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or KeyNotFoundException)
        {
            return null;
        }
    }
}
