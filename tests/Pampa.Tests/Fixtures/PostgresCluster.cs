using System.Collections.Concurrent;
using Npgsql;
using Pampa.Chaos.Wire;
using Pampa.Servers;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(PostgresCluster))]

namespace Pampa.Tests.Fixtures;

/// <summary>
/// A private PostgreSQL that lives as long as the test run: started by the first test that asks for it, stopped and removed at the end.
/// PAMPA_TEST_DATABASE_URL names another server instead, which must let its user create databases; PAMPA_TEST_COCKROACH_URL a real
/// CockroachDB for what else runs on an emulation of it.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private static readonly Lazy<Task<Server>> Started = new(StartAsync);
    private static readonly Lazy<Task<Server>> Real = new(() => Task.FromResult(new Server(DatabaseAddress.Parse(CockroachUrl!).ConnectionString, null, null)));
    private static readonly ConcurrentDictionary<Engine, Lazy<Proxy>> Proxies = [];

    // What comes of these dice is the same each time, as far as the tests' order is.
    private const int Seed = 20261126;

    /// <summary>A server, or the reason why there is none.</summary>
    internal sealed record Server(string ConnectionString, string? Missing, PrivatePostgres? Own)
    {
        private readonly Lazy<Task<NpgsqlConnectionStringBuilder>> user = new(() => NewUserAsync(ConnectionString));

        /// <summary>What the tests made; a server that is not the run's own gets rid of them at the end.</summary>
        public ConcurrentBag<string> Databases { get; } = [];

        /// <summary>
        /// Leads to the server as somebody who may nothing but what he is granted, and for whom it is another time of the day.
        /// </summary>
        public Task<NpgsqlConnectionStringBuilder> UserAsync() => user.Value;

        /// <summary>Another one of these.</summary>
        public Task<NpgsqlConnectionStringBuilder> NewUserAsync() => NewUserAsync(ConnectionString);

        private static async Task<NpgsqlConnectionStringBuilder> NewUserAsync(string owner)
        {
            var settings = new NpgsqlConnectionStringBuilder(owner) { Username = $"pampa_user_{Guid.NewGuid():N}" };
            // Where nobody needs one, none may be given.
            if (settings.Password is not null) settings.Password = Guid.NewGuid().ToString("N");
            await using var connection = new NpgsqlConnection(owner);
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = $"CREATE ROLE {settings.Username} LOGIN{(settings.Password is { } password ? $" PASSWORD '{password}'" : "")}";
            await command.ExecuteNonQueryAsync();
            command.CommandText = $"ALTER ROLE {settings.Username} SET timezone = 'Asia/Kathmandu'";
            await command.ExecuteNonQueryAsync();
            return settings;
        }

        /// <summary>Gets rid of the user; his databases are gone.</summary>
        public async Task DropUserAsync()
        {
            if (user.IsValueCreated) await ExecuteAsync($"DROP ROLE IF EXISTS {(await user.Value).Username}");
        }

        public async Task ExecuteAsync(string text)
        {
            await using var connection = new NpgsqlConnection(ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(text, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    internal static async Task<Server> GetAsync()
    {
        var server = await Started.Value;
        if (server.Missing is not null) Assert.Skip(server.Missing);
        return server;
    }

    /// <summary>Where a real CockroachDB is; null: it is emulated.</summary>
    internal static string? CockroachUrl { get; } = Environment.GetEnvironmentVariable("PAMPA_TEST_COCKROACH_URL") is { Length: > 0 } url ? url : null;

    /// <summary>The server of an engine.</summary>
    internal static Task<Server> GetAsync(Engine engine) => engine.IsCockroach() && CockroachUrl is not null ? Real.Value : GetAsync();

    /// <summary>What stands before the server and makes it behave like an engine; null: it is that engine.</summary>
    internal static Proxy? ProxyOf(Engine engine, Server server)
    {
        if (!engine.IsCockroach() || CockroachUrl is not null) return null;
        return Proxies.GetOrAdd(engine, e => new Lazy<Proxy>(() => Proxy(server, new Cockroach
        {
            HidesKey = e == Engine.Portable,
            // What is ambiguous is told to the caller, who must know what to do about it: that is no matter of single statements.
            Faults = e == Engine.Restarting ? new CockroachFaults(Seed) { Ambiguous = 0 } : null,
        }))).Value;
    }

    /// <summary>Sets something for each session, beside what the address sets already.</summary>
    internal static void AddOption(NpgsqlConnectionStringBuilder settings, string option) => settings.Options = $"{settings.Options} -c {option}".TrimStart();

    /// <summary>A proxy before a server.</summary>
    internal static Proxy Proxy(Server server, Cockroach cockroach)
    {
        var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString);
        return new Proxy(settings.Port, settings.Host!) { Cockroach = cockroach };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in Proxies.Values) await proxy.Value.DisposeAsync();
        if (Real.IsValueCreated)
        {
            var real = await Real.Value;
            foreach (var name in real.Databases) await real.ExecuteAsync($"DROP DATABASE IF EXISTS {name} CASCADE");
            await real.DropUserAsync();
        }
        if (!Started.IsValueCreated) return;
        var server = await Started.Value;
        if (server.Missing is not null) return;
        if (server.Own is not { } own)
        {
            foreach (var name in server.Databases) await server.ExecuteAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            await server.DropUserAsync();
            return;
        }
        await own.DisposeAsync();
        Directory.Delete(own.Folder, recursive: true);
    }

    private static async Task<Server> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("PAMPA_TEST_DATABASE_URL") is { Length: > 0 } url)
            return new Server(DatabaseAddress.Parse(url).ConnectionString, null, null);
        if (!PrivatePostgres.IsInstalled) return new Server("", $"{PrivatePostgres.Missing}, or set PAMPA_TEST_DATABASE_URL.", null);
        var own = await PrivatePostgres.StartAsync(Directory.CreateTempSubdirectory("pampa-pg-").FullName,
            "fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200", "autovacuum = off",
            "shared_buffers = 256MB", "max_wal_size = 4GB", "max_prepared_transactions = 10");
        return new Server(own.Settings, null, own);
    }
}
