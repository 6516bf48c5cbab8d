using System.Globalization;
using Npgsql;
using Pampa.Servers;

namespace Pampa.Tests.Life;

/// <summary>Tests that have a server of their own: what they do to it must not befall the others.</summary>
[CollectionDefinition(Name)]
public sealed class OwnServer : ICollectionFixture<GuardedServer>
{
    public const string Name = "a guarded server";
}

/// <summary>
/// A server as one has it in production: it speaks TLS, has sixty connections, and roles that it lets in by their password, by their
/// certificate, with TLS only, or without it only.
/// </summary>
public sealed class GuardedServer : IAsyncLifetime
{
    public const int Connections = 60;

    /// <summary>Let in with TLS only.</summary>
    public const string Shop = "shop";

    /// <summary>Let in without TLS only.</summary>
    public const string Open = "open";

    /// <summary>Let in by its password, with TLS or without.</summary>
    public const string Keeper = "keeper";

    /// <summary>Let in by its certificate only.</summary>
    public const string Certified = "certified";

    private PrivatePostgres? server;
    private int databases;

    public string Folder { get; } = Directory.CreateTempSubdirectory("pampa-guarded-").FullName;

    internal PrivatePostgres Server
    {
        get
        {
            if (server is null) Assert.Skip(PrivatePostgres.Missing);
            return server;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (!PrivatePostgres.IsInstalled) return;
        Certificates.Make(Folder, Certified);
        var rules = Within("hba.conf");
        await File.WriteAllTextAsync(rules, $"""
            host all postgres 127.0.0.1/32 trust
            hostssl all {Shop} 127.0.0.1/32 trust
            hostnossl all {Open} 127.0.0.1/32 trust
            host all {Keeper} 127.0.0.1/32 scram-sha-256
            hostssl all {Certified} 127.0.0.1/32 cert

            """);
        if (Environment.IsPrivilegedProcess) await Tool.RunAsync("chown", "postgres", Within("server.key"), Within("server.crt"), Within("ca.crt"), rules);
        server = await PrivatePostgres.StartAsync(Folder, "fsync = off", "full_page_writes = off", $"max_connections = {Connections}", $"hba_file = '{rules}'",
            "ssl = on", $"ssl_cert_file = '{Within("server.crt")}'", $"ssl_key_file = '{Within("server.key")}'", $"ssl_ca_file = '{Within("ca.crt")}'");
        foreach (var role in (string[])[Shop, Open, Keeper, Certified]) await server.ExecuteAsync($"CREATE ROLE {role} LOGIN");
    }

    public string Within(string file) => Path.Combine(Folder, file);

    /// <summary>Makes a database that belongs to a role.</summary>
    public async Task<string> NewDatabaseAsync(string owner)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"life_{Interlocked.Increment(ref databases)}");
        await Server.ExecuteAsync($"CREATE DATABASE {name} OWNER {owner}");
        return name;
    }

    /// <summary>An address of PostgreSQL's own kind.</summary>
    public string Url(string role, string database = "postgres", string host = "127.0.0.1", string parameters = "sslmode=require") =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://{role}@{host}:{Server.Port}/{database}?{parameters}");

    /// <summary>What the server's owner sees in a database: the first value of an answer.</summary>
    public async Task<T> AskAsync<T>(string database, string text)
    {
        await using var connection = new NpgsqlConnection($"{Server.Settings.Replace("Database=postgres", $"Database={database}", StringComparison.Ordinal)};Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(text, connection);
        return (T)Convert.ChangeType((await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, typeof(T), CultureInfo.InvariantCulture);
    }

    /// <summary>Ends all sessions of a database but this one.</summary>
    public Task EndSessionsAsync(string database) =>
        AskAsync<long>("postgres", $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'");

    public async ValueTask DisposeAsync()
    {
        if (server is not null) await server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
