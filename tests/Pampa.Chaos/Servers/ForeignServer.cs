using Npgsql;

namespace Pampa.Chaos.Servers;

/// <summary>
/// A CockroachDB that somebody else runs: of its own there the run has a database and a role, which it takes away in the end. Nothing stands
/// between it and the processes, and it is neither stopped nor filled.
/// </summary>
internal sealed class ForeignServer : IAsyncDisposable
{
    /// <summary>Where its address stands; the tests read the same.</summary>
    public const string Variable = "PAMPA_TEST_COCKROACH_URL";

    private readonly NpgsqlConnectionStringBuilder settings;
    private readonly List<string> databases = [];

    private ForeignServer(NpgsqlConnectionStringBuilder settings, Place place) => (this.settings, Place) = (settings, place);

    /// <summary>What it says that it is.</summary>
    public string Version { get; private set; } = "";

    public Place Place { get; }

    public static async Task<ForeignServer> OpenAsync(NpgsqlConnectionStringBuilder settings)
    {
        var name = $"chaos_{Guid.NewGuid():N}"[..16];
        var owner = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Database = name };
        var role = new NpgsqlConnectionStringBuilder(owner.ConnectionString) { Username = $"{name}_app" };
        // Where nobody needs a password, none may be given.
        if (settings.Password is not null) role.Password = Guid.NewGuid().ToString("N");
        var server = new ForeignServer(settings, new Place(owner, role));
        await server.MakeAsync(name);
        server.Version = await server.AskAsync("SELECT version()") ?? "";
        return server;
    }

    /// <summary>Makes a database.</summary>
    public async Task MakeAsync(string name)
    {
        databases.Add(name);
        await AskAsync($"CREATE DATABASE {name}");
    }

    private async Task<string?> AskAsync(string text)
    {
        await using var connection = new NpgsqlConnection($"{settings.ConnectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(text, connection);
        return await command.ExecuteScalarAsync() as string;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        foreach (var name in databases) await AskAsync($"DROP DATABASE IF EXISTS {name} CASCADE");
        await AskAsync($"DROP ROLE IF EXISTS {Place.RoleName}");
    }
}
