using System.Data.Common;
using System.Globalization;

namespace Pampa.Bench;

/// <summary>Where runs take place: each run gets a database of its own.</summary>
internal abstract class BenchDatabase : IAsyncDisposable
{
    protected const string Table = Workload.Table;
    protected const string Prefix = Workload.Prefix;

    public abstract string Name { get; }

    /// <summary>Versions and settings, for the reader of the figures.</summary>
    public abstract Task<string> DescribeAsync();

    /// <summary>How the raw limit may be driven: with how many connections.</summary>
    public abstract IReadOnlyList<int> RawConnections { get; }

    /// <summary>Makes an empty database and returns its address.</summary>
    public abstract Task<string> CreateAsync();

    public abstract Task DropAsync();

    /// <summary>A connection to the database that was made last.</summary>
    public abstract Task<DbConnection> OpenAsync();

    /// <summary>Puts the records 1 to size into the table.</summary>
    public abstract Task LoadAsync(int size);

    /// <summary>What the server has used so far.</summary>
    public abstract Task<ServerUse> ReadUseAsync();

    public abstract Task<TableFacts> ReadFactsAsync(Workload workload);

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Counts records, and those of them that ended as they should.</summary>
    protected static string CountRight(Workload workload) => $"""
        SELECT count(*), count(CASE WHEN {Prefix}_end_time IS NOT NULL AND {Prefix}_success IS TRUE
          AND {Prefix}_reservation_times = 1 AND {Prefix}_start_time IS NOT NULL AND {Prefix}_reservation_id IS NOT NULL
          AND {Prefix}_error_description IS NULL
          {(workload.IsRight is { } isRight ? $"AND {isRight}" : "")} THEN 1 END)
        FROM {Table}
        """;

    /// <summary>Whether a record has not ended. In the order of the key, for which there is an index of open records.</summary>
    public static async Task<bool> IsAnyOpenAsync(DbConnection connection) => (await RowAsync(connection,
        $"SELECT value FROM {Table} WHERE {Prefix}_end_time IS NULL ORDER BY value LIMIT 1")).Length > 0;

    public static async Task<object[]> RowAsync(DbConnection connection, string text)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        command.CommandTimeout = 600;
        await using var reader = await command.ExecuteReaderAsync();
        if (!await reader.ReadAsync()) return [];
        var row = new object[reader.FieldCount];
        reader.GetValues(row);
        return row;
    }

    public static async Task ExecuteAsync(DbConnection connection, string text) => await RowAsync(connection, text);

    public static long Whole(object value) => Convert.ToInt64(value, CultureInfo.InvariantCulture);

    protected static double Real(object value) => Convert.ToDouble(value, CultureInfo.InvariantCulture);
}
