using System.Data.Common;
using System.Globalization;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Servers;

/// <summary>The database under fire, and the harness's own way to it, which goes past all that is broken on purpose.</summary>
internal abstract class Store(Shape shape) : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public Shape Shape => shape;

    /// <summary>What a process is given as its database.</summary>
    /// <param name="application">How its connections call themselves.</param>
    public abstract string Url(string application);

    /// <summary>The database as its owner reaches it, who may make tables.</summary>
    public abstract string OwnersUrl { get; }

    /// <summary>Makes the tables, and all that watches them.</summary>
    public abstract Task CreateAsync(CancellationToken stopping);

    /// <summary>Watches the control tables, which the program itself has made by now.</summary>
    public abstract Task WatchControlTablesAsync(CancellationToken stopping);

    /// <summary>What takes the column away that handlers set, with what is in it kept aside for the audit, in one transaction.</summary>
    public abstract IReadOnlyList<string> DropResult { get; }

    /// <summary>What brings it back, with all that was in it.</summary>
    public abstract IReadOnlyList<string> RestoreResult { get; }

    /// <summary>Where its values are meanwhile, in a CREATE TABLE.</summary>
    protected const string KeptTable = "kept (id bigint PRIMARY KEY, result text NOT NULL)";

    /// <summary>Moves the values of the column into the other table.</summary>
    protected string KeepResults => $"INSERT INTO kept (id, result) SELECT id, result FROM {shape.Table} WHERE result IS NOT NULL";

    /// <summary>The column as it was made.</summary>
    protected string AddResult => $"ALTER TABLE {shape.Table} ADD COLUMN {ResultColumn}";

    private const string ResultColumn = "result text CHECK (result <> 'bad')";

    /// <summary>A literal of a moment that lies so many seconds after the database's now.</summary>
    public abstract string NowPlus(double seconds);

    /// <summary>Whether a time lies so far ahead that a false clock must have written it.</summary>
    /// <param name="column">The time.</param>
    public abstract string IsFarOff(string column);

    public abstract Task<DbConnection> OpenAsync(CancellationToken stopping);

    public abstract ValueTask DisposeAsync();

    public async Task<int> ExecuteAsync(string text, CancellationToken stopping)
    {
        await using var connection = await OpenAsync(stopping);
        return await ExecuteAsync(connection, text, stopping);
    }

    public static async Task<int> ExecuteAsync(DbConnection connection, string text, CancellationToken stopping)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        command.CommandTimeout = 60;
        return await command.ExecuteNonQueryAsync(stopping);
    }

    /// <summary>Executes all of them, or none.</summary>
    public async Task<int> ExecuteTogetherAsync(IReadOnlyList<string> statements, CancellationToken stopping)
    {
        await using var connection = await OpenAsync(stopping);
        await using var transaction = await connection.BeginTransactionAsync(stopping);
        foreach (var statement in statements) await ExecuteAsync(connection, statement, stopping);
        await transaction.CommitAsync(stopping);
        return statements.Count;
    }

    public async Task<List<T>> QueryAsync<T>(string text, Func<DbDataReader, T> map, CancellationToken stopping)
    {
        await using var connection = await OpenAsync(stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        command.CommandTimeout = 60;
        await using var reader = await command.ExecuteReaderAsync(stopping);
        var rows = new List<T>();
        while (await reader.ReadAsync(stopping)) rows.Add(map(reader));
        return rows;
    }

    /// <summary>How many records of all tables are so.</summary>
    public async Task<long> CountAsync(string condition, CancellationToken stopping) => (await QueryAsync(
        string.Join(" UNION ALL ", shape.All.Select(s => $"SELECT count(*) FROM {s.Table} WHERE {condition}")), r => r.GetInt64(0), stopping)).Sum();

    /// <summary>The number of the last change that was written down.</summary>
    public async Task<long> LastStepAsync(CancellationToken stopping) =>
        (await QueryAsync("SELECT COALESCE(max(seq), 0) FROM audit", r => r.GetInt64(0), stopping))[0];

    /// <summary>Tries until the database does it, through whatever outage; one that nothing here makes so long is an error.</summary>
    public static async Task<T> InsistAsync<T>(Func<Task<T>> act, CancellationToken stopping)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await act();
            }
            catch (Exception e) when (e is DbException or IOException or TimeoutException or System.Net.Sockets.SocketException or InvalidOperationException
                && TimeProvider.System.GetElapsedTime(began) < Patience)
            {
                await Task.Delay(Pause, TimeProvider.System, stopping);
            }
        }
    }

    /// <summary>The program's own columns, and those that the check needs, in a CREATE TABLE.</summary>
    protected string TaskColumns(string time) => $"""
        {shape.KeyColumns}id bigint NOT NULL{(shape.Profile == Profile.Portable ? "" : " PRIMARY KEY")}, kind text NOT NULL,
        {shape.Rid} text, {shape.Rt} {time}, {shape.N} bigint, {shape.St} {time}, {shape.Et} {time}, {shape.Ok} boolean, {shape.Err} text,
        {ResultColumn}, total bigint NOT NULL DEFAULT 0, is_snoozed boolean NOT NULL DEFAULT FALSE,
        life bigint NOT NULL DEFAULT 0, witness text{(shape.Profile == Profile.Portable ? $", PRIMARY KEY ({shape.PrimaryKey})" : "")}
        """;

    /// <summary>What an audit row has, in a CREATE TABLE.</summary>
    protected static string AuditColumns(string time) => $"""
        at {time} NOT NULL, tx {time} NOT NULL, actor text NOT NULL, id bigint NOT NULL, life bigint NOT NULL,
        o_rid text, o_rt {time}, o_n bigint, o_st {time}, o_et {time}, o_ok boolean, o_err text, o_result text, o_total bigint,
        n_rid text, n_rt {time}, n_n bigint, n_st {time}, n_et {time}, n_ok boolean, n_err text, n_result text, n_total bigint, witness text
        """;

    public const string AuditNames = "at, tx, actor, id, life, o_rid, o_rt, o_n, o_st, o_et, o_ok, o_err, o_result, o_total, "
        + "n_rid, n_rt, n_n, n_st, n_et, n_ok, n_err, n_result, n_total, witness";

    public const string LeaseNames = "at, tx, kind, name, o_holder, o_term, o_expires, n_holder, n_term, n_expires";

    protected static string LeaseColumns(string time) => $"""
        at {time} NOT NULL, tx {time} NOT NULL, kind text NOT NULL, name text NOT NULL,
        o_holder text, o_term bigint, o_expires {time}, n_holder text, n_term bigint, n_expires {time}
        """;

    /// <summary>The values of an audit row that are the record's: <paramref name="alias"/> is OLD or NEW.</summary>
    protected string StateOf(string alias) =>
        $"{alias}.{shape.Rid}, {alias}.{shape.Rt}, COALESCE({alias}.{shape.N}, 0), {alias}.{shape.St}, {alias}.{shape.Et}, {alias}.{shape.Ok}, {alias}.{shape.Err}";

    /// <summary>Whether one of the seven differs.</summary>
    protected string HasMoved(string different) => string.Join(" OR ", shape.State.Select(c => $"OLD.{Shape.Quote(c)} {different} NEW.{Shape.Quote(c)}"));

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
