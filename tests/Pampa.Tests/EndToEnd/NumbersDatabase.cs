using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The database of a program that runs: how the program is told, and what a test sees in its table.</summary>
internal sealed class NumbersDatabase : IAsyncDisposable
{
    private const string Url = "PAMPA_DATABASE_URL";

    // The dice are of one seed; when processes meet is not.
    private const int Seed = 7;
    private readonly DbDataSource? source;
    private readonly TestDatabase? server;
    private readonly Engine engine;

    private NumbersDatabase(string[] arguments, string file, TestDatabase? server, Engine engine)
    {
        Arguments = arguments;
        this.server = server;
        this.engine = engine;
        source = server?.Own ?? SqliteFactory.Instance.CreateDataSource($"Data Source={file}");
    }

    public static NumbersDatabase Sqlite(string folder)
    {
        var file = Path.Combine(folder, "numbers.db");
        return new NumbersDatabase(["--db", file], file, null, Engine.Sqlite);
    }

    /// <summary>
    /// One of an engine. <see cref="Engine.Restarting"/> is one that passes for a CockroachDB and fails as often as one that is busy,
    /// reached by an address of PostgreSQL's kind; or a database of a real one, where one is given.
    /// </summary>
    /// <param name="engine">The engine.</param>
    /// <param name="programs">The programs.</param>
    /// <param name="ready">
    /// For whom it is made ready, and who runs as a role with no more rights than it needs then. Null: it is empty, and programs run as its
    /// owner, which whoever asks for it gives his reason for.
    /// </param>
    /// <param name="faults">What goes wrong, and how often; null: as much as the engine has by itself.</param>
    public static async Task<NumbersDatabase> CreateAsync(Engine engine, ProgramFixture programs, Readiness? ready = null, CockroachFaults? faults = null)
    {
        if (engine == Engine.Sqlite) return Sqlite(programs.NewFolder());
        // The errors are for the program that is tested, and not for what makes its database.
        var plain = engine == Engine.Restarting ? Engine.Portable : engine;
        var isReal = plain.IsCockroach() && PostgresCluster.CockroachUrl is not null;
        var cluster = await PostgresCluster.GetAsync(plain);
        var template = ready is null || isReal ? null : await ready.TemplateAsync(plain, programs);
        var server = await TestDatabase.CreateAsync(plain, null, template: template);
        var cockroach = engine == Engine.Restarting && !isReal ? new Cockroach { Faults = faults ?? new CockroachFaults(Seed) } : null;
        var made = new NumbersDatabase([], "", server, engine) { Proxy = cockroach is null ? null : PostgresCluster.Proxy(cluster, cockroach) };
        made.Environment = made.EnvironmentOf(new NpgsqlConnectionStringBuilder(cluster.ConnectionString));
        // What is real has no templates.
        if (template is not null) made.RunAs(await cluster.UserAsync());
        else if (ready is not null) await made.PrepareAsync(programs, ready);
        return made;
    }

    public static Task<NumbersDatabase> CreateAsync(bool onSqlite, ProgramFixture programs, Readiness? ready = null) =>
        CreateAsync(onSqlite ? Engine.Sqlite : Engine.PostgreSql, programs, ready);

    /// <summary>Makes what is there ready for a program, which runs from now on as a role with no more rights than it needs.</summary>
    public async Task PrepareAsync(ProgramFixture programs, Readiness ready)
    {
        var user = await (await PostgresCluster.GetAsync(engine)).UserAsync();
        await MigrateAsync(programs, ready);
        var parts = Enum.GetValues<RightsFor>();
        await GrantAsync(await MigrateAsync(programs, ready, "--dry-run", "--json", "--role", user.Username!), user.Username!, parts);
        foreach (var rights in ready.Own) await ExecuteAsync($"GRANT {rights} TO {user.Username}");
        RunAs(user);
    }

    private void RunAs(NpgsqlConnectionStringBuilder user) => (User, Environment) = (user.Username, EnvironmentOf(user));

    private async Task<string> MigrateAsync(ProgramFixture programs, Readiness ready, params string[] more)
    {
        var child = await programs.StartAsync(ready.Program, ["migrate", .. more], [.. Environment, .. ready.Environment]);
        Assert.True(await child.EndAsync() == 0, child.Said);
        return child.Said;
    }

    /// <summary>Gives a role what was printed for some parts of the work.</summary>
    public async Task GrantAsync(string printed, string role, params RightsFor[] parts)
    {
        using var json = JsonDocument.Parse(printed);
        Assert.Contains(role, printed, StringComparison.Ordinal);
        foreach (var group in json.RootElement.GetProperty("grants").EnumerateArray())
        {
            if (!parts.Contains(Enum.Parse<RightsFor>(group.GetProperty("for").GetString()!, ignoreCase: true))) continue;
            foreach (var grant in group.GetProperty("statements").EnumerateArray()) await ExecuteAsync(grant.GetString()!);
        }
    }

    /// <summary>Closes it and returns its name: it is there to be copied from now on.</summary>
    public Task<string> FreezeAsync() => server!.FreezeAsync();

    /// <summary>What a program is told that comes as somebody.</summary>
    /// <param name="user">Leads to the server as him.</param>
    public (string Name, string Value)[] EnvironmentOf(NpgsqlConnectionStringBuilder user)
    {
        var settings = new NpgsqlConnectionStringBuilder(user.ConnectionString) { Database = server!.Name };
        if (engine.IsCockroach()) PostgresCluster.AddOption(settings, "default_transaction_isolation=serializable");
        if (Proxy is not null) (settings.Host, settings.Port) = ("127.0.0.1", Proxy.Port);
        else if (server.Port is { } port) (settings.Host, settings.Port) = ("127.0.0.1", port);
        // Once it is known by its address, and once by what it says.
        return [(Url, engine switch
        {
            Engine.Restarting => settings.ConnectionString,
            Engine.Portable => Place.Url(settings, "cockroachdb"),
            _ => Place.Url(settings, "postgres"),
        })];
    }

    /// <summary>The URL of a database on a server that wants no password.</summary>
    public static string PlainUrl(string settings, string? user = null)
    {
        var s = new NpgsqlConnectionStringBuilder(settings);
        return $"postgres://{user ?? s.Username}@{s.Host}:{s.Port.ToString(CultureInfo.InvariantCulture)}/{s.Database}";
    }

    /// <summary>What stands before the server, and is this database's own; null: nothing.</summary>
    public Proxy? Proxy { get; private init; }

    /// <summary>
    /// Of what a proxy has told of errors nothing stands in a record, and it was enough of it; nothing had to be refused.
    /// </summary>
    public async Task NothingIsInjectedAsync(string prefix = "odd_checking", string table = "numbers", int least = 5)
    {
        var texts = await ReadAsync($"SELECT {prefix}_error_description FROM {table} WHERE {prefix}_error_description IS NOT NULL");
        Assert.All(texts, t => Assert.DoesNotMatch("injected|forged|40001|40003", (string)t[0]!));
        if (Proxy?.Cockroach is not { } like) return;
        Assert.Empty(like.Refused);
        Assert.InRange(like.Failed.GetValueOrDefault("40001"), least, int.MaxValue);
    }

    public string[] Arguments { get; }

    /// <summary>As whom programs come; null: as the owner.</summary>
    public string? User { get; private set; }

    /// <summary>The connection string of a server's database.</summary>
    public string Settings => source!.ConnectionString;

    /// <summary>What tells the program, beside its arguments.</summary>
    public (string Name, string Value)[] Environment { get; private set; } = [];

    public async Task ExecuteAsync(string text)
    {
        await using var connection = await source!.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<List<object?[]>> ReadAsync(string text)
    {
        await using var connection = await source!.OpenConnectionAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<object?[]>();
        while (await reader.ReadAsync())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++) row[i] = await reader.IsDBNullAsync(i) ? null : reader.GetValue(i);
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>How many numbers are as the condition says; 0 while there is no such table or column yet.</summary>
    public async Task<long> CountAsync(string where, string table = "numbers")
    {
        try
        {
            return Convert.ToInt64((await ReadAsync($"SELECT count(*) FROM {table} WHERE {where}"))[0][0], CultureInfo.InvariantCulture);
        }
        catch (DbException)
        {
            return 0;
        }
    }

    public const string Completed = "odd_checking_end_time IS NOT NULL AND odd_checking_success";
    public const string Running = "odd_checking_start_time IS NOT NULL AND odd_checking_end_time IS NULL";

    /// <summary>All hundred thousand are completed, and rightly.</summary>
    public async Task AllAreRightAsync()
    {
        Assert.Equal(100_000, await CountAsync(Completed));
        Assert.Equal(100_000, await CountAsync("is_odd = (value % 2 <> 0)"));
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        if (server is not null) await server.DisposeAsync();
        else SqliteConnection.ClearAllPools();
    }
}
