using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Simulation;

/// <summary>A record as the table has it, for one job.</summary>
internal sealed record Record(
    long Key, string? Rid, string? Rt, int N, string? St, string? Et, bool? Ok, string? Err, string? Note, bool IsActive, long Generation)
{
    public bool IsRunning => Rid is not null && St is not null && Et is null;

    public bool IsReserved => Rid is not null && St is null && Et is null;
}

/// <summary>The row of a worker.</summary>
internal sealed record Life(string Worker, string Node, long Session, string Process, string State, string Heartbeat, string ExpiresAt);

/// <summary>The row of the leader's lease.</summary>
internal sealed record Lease(string Holder, long Term, string ExpiresAt);

/// <summary>A SQLite database in memory, with a clock in the simulation's hand.</summary>
internal sealed class SimulatedDatabase : IDisposable
{
    private readonly SqliteConnection connection = new("Data Source=:memory:;Pooling=False");
    private readonly Dictionary<string, SqliteCommand> prepared = [];

    public SimulatedDatabase()
    {
        connection.Open();
        connection.CreateFunction("pampa_test_now", () => Clock.Text);
        Source = new SharedSource(connection);
    }

    public TestClock Clock { get; } = new(_ => Task.CompletedTask);

    public Dialect Dialect { get; } = new SqliteDialect(TestClock.Sql);

    public DbDataSource Source { get; }

    /// <summary>The moment as the tables have it.</summary>
    public string Now => Stamp(Clock.Now);

    public static string Stamp(DateTime time) => time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    public static DateTime Moment(string stamp) =>
        DateTime.Parse(stamp, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);

    public void Execute(string text)
    {
        using var command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    public List<Record> Records(JobPlan job) => Read($"""
        SELECT value, {job.Name}_reservation_id, {job.Name}_reservation_time, COALESCE({job.Name}_reservation_times, 0), {job.Name}_start_time,
          {job.Name}_end_time, {job.Name}_success, {job.Name}_error_description, {job.Note}, active, {job.Generation} FROM {job.Table} ORDER BY value
        """, r => new Record(r.GetInt64(0), Text(r, 1), Text(r, 2), r.GetInt32(3), Text(r, 4), Text(r, 5),
            r.IsDBNull(6) ? null : r.GetBoolean(6), Text(r, 7), Text(r, 8), r.GetBoolean(9), r.GetInt64(10)));

    public List<Life> Lives() => Read("SELECT worker_id, node, session, process, state, heartbeat_at, expires_at FROM pampa_worker ORDER BY worker_id",
        r => new Life(r.GetString(0), r.GetString(1), r.GetInt64(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6)));

    public Lease? Lease() => Read("SELECT holder, term, expires_at FROM pampa_lease",
        r => new Lease(r.GetString(0), r.GetInt64(1), r.GetString(2))).SingleOrDefault();

    /// <summary>What was handed over and is not taken in yet. The names of batches are no seed's.</summary>
    public List<(string Node, string Batch, string Job, string Rows)> HandOvers() => Read("SELECT node, id, job, rows FROM pampa_handover ORDER BY created_at, node",
        r => (r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3)));

    /// <summary>
    /// Of each record of a job with hooks: how many attempts began with one and have not ended with one, and how often one has told of a
    /// completion.
    /// </summary>
    public List<(string Job, long Task, long Open, long Completed)> Audit() => Read(
        "SELECT job, task, sum(begun), sum(CASE WHEN outcome = 'Completed' THEN 1 ELSE 0 END) FROM audit GROUP BY job, task",
        r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3)));

    private List<T> Read<T>(string text, Func<SqliteDataReader, T> map)
    {
        if (!prepared.TryGetValue(text, out var command))
        {
            command = prepared[text] = connection.CreateCommand();
            command.CommandText = text;
        }
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(map(reader));
        return rows;
    }

    private static string? Text(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    public void Dispose()
    {
        foreach (var command in prepared.Values) command.Dispose();
        connection.Dispose();
    }
}
