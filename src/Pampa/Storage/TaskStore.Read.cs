using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Counting and listing.</summary>
internal sealed partial class TaskStore
{
    /// <summary>Counts the records in each state: reads the whole table.</summary>
    public async Task<Report> ReportAsync(CancellationToken stopping) =>
        ToReport(await CountAsync(Asked(Sql.Report), stopping), isExact: true);

    /// <summary>
    /// Counts at most so many open and so many ended records. The numbers are exact where the table has no more.
    /// </summary>
    public async Task<Report> ReportAsync(int limit, CancellationToken stopping)
    {
        Report? report = null;
        await database.InTurnAsync(async () => report = await CountUpToAsync(limit, stopping), stopping);
        return report!;
    }

    private async Task<Report> CountUpToAsync(int limit, CancellationToken stopping)
    {
        var open = await CountAsync(Asked(Sql.ReportOpen).With("limit", limit), stopping);
        var hasAllOpen = open.Sum(c => c.Count) < limit;
        var ended = await CountAsync(Statement(Sql.ReportEnded(passesOpen: hasAllOpen)).With("limit", limit), stopping);
        // Between the two a record may end and be counted twice. A table that is short enough is counted once, as of one moment.
        return hasAllOpen && ended.Sum(c => c.Count) < limit ? await ReportAsync(stopping) : ToReport([.. open, .. ended], isExact: false);
    }

    private Task<List<(string State, long Count, double? Waits)>> CountAsync(Statement statement, CancellationToken stopping) =>
        database.QueryAsync(statement, reader => (reader.GetString(0), reader.GetInt64(1), NumberOrNull(reader, 2)), stopping);

    private Report ToReport(List<(string State, long Count, double? Waits)> counts, bool isExact)
    {
        // An open record without an attempt left has failed too, so that a state may come from both halves.
        long Of(TaskState state) => counts.Where(c => c.State == state.ToString()).Sum(c => c.Count);
        var waits = counts.Find(c => c.State == nameof(TaskState.Pending)).Waits;
        return new Report(Job.Name, Of(TaskState.Pending), Of(TaskState.Scheduled), Of(TaskState.Reserved),
            Of(TaskState.Running), Of(TaskState.Completed), Of(TaskState.Failed))
        {
            IsExact = isExact,
            OldestPending = Waited(waits),
        };
    }

    // A time may be infinite.
    private static TimeSpan? Waited(double? seconds) =>
        seconds is { } waits ? TimeSpan.FromSeconds(Math.Clamp(waits, 0, Limits.LongestDelay.TotalSeconds)) : null;

    private TaskInfo ReadInfo(DbDataReader reader)
    {
        var at = Table.Key.Count;
        return new TaskInfo(database.Dialect.Display(ReadKey(reader)), Enum.Parse<TaskState>(reader.GetString(at)), TextOrNull(reader, at + 1),
            reader.GetInt32(at + 3), Moment(reader, at + 2), Moment(reader, at + 4), Moment(reader, at + 5), TextOrNull(reader, at + 6));
    }

    // For people: a text that is no time (SQLite takes any), or an infinite one, is shown as none.
    private static DateTimeOffset? Moment(DbDataReader reader, int ordinal) =>
        DateTimeOffset.TryParse(TextOrNull(reader, ordinal), CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment) ? moment : null;

    private static double? NumberOrNull(DbDataReader reader, int ordinal) =>
        reader.IsDBNull(ordinal) ? null : Convert.ToDouble(reader.GetValue(ordinal), CultureInfo.InvariantCulture);

    /// <summary>How many open records these workers hold; null: anybody.</summary>
    public async Task<long> CountHeldAsync(IReadOnlyList<string>? workers, CancellationToken stopping)
    {
        var statement = Statement(Sql.CountHeld(workers is not null));
        if (workers is not null) database.Dialect.Bind(statement, JobSql.HolderRows, [.. workers.Select(w => new[] { w })]);
        return (await database.QueryAsync(statement, reader => reader.GetInt64(0), stopping))[0];
    }

    /// <summary>
    /// Ended records of a state with the time of their end, oldest first; where asked, only those of at least an age.
    /// </summary>
    public async Task<List<(TaskKey Key, string EndedAt)>> ReadEndedAsync(
        TaskState state, int limit, CancellationToken stopping, TimeSpan? age = null)
    {
        var statement = Statement(Sql.ReadEnded(age is not null)).With("state", state.ToString()).With("want", limit);
        if (age is { } atLeast) statement.With("age", atLeast.TotalSeconds);
        return (await database.QueryAsync(statement, ReadEnd, stopping)).ConvertAll(e => (e.Key, e.EndedAt));
    }

    /// <summary>Those of the given records that have ended, with their state.</summary>
    public Task<List<(TaskKey Key, string EndedAt, TaskState State)>> ReadEndedAsync(
        IReadOnlyList<TaskKey> keys, CancellationToken stopping) =>
        ChunkedAsync(keys, chunk =>
        {
            var statement = ByKey(Sql.ReadEndedOf);
            database.Dialect.Bind(statement, Sql.KeyRows, [.. chunk.Select(k => Row(k))]);
            return database.QueryAsync(statement, ReadEnd, stopping);
        });

    private (TaskKey Key, string EndedAt, TaskState State) ReadEnd(DbDataReader reader) =>
        (ReadKey(reader), reader.GetString(Table.Key.Count), Enum.Parse<TaskState>(reader.GetString(Table.Key.Count + 1)));

    /// <summary>
    /// A key as people write it: the text that <see cref="Dialect.Display(TaskKey)"/> gives. False: it has not as many
    /// parts as the job's key has columns.
    /// </summary>
    public bool TryParseKey(string text, out TaskKey key)
    {
        var parts = Table.Key.Count == 1 ? [text] : KeyText.Split(text);
        var fits = parts.Count == Table.Key.Count;
        key = fits ? new TaskKey([.. parts.Select((p, i) => database.Dialect.ParseKeyPart(p, Table.Key[i]))]) : default;
        return fits;
    }

    /// <summary>A statement that the job's condition is a part of, with the condition's values.</summary>
    private Statement Asked(Func<string?, string> text)
    {
        var common = Statement("");
        var asked = new Statement(text(Where(common.Parameters)));
        asked.Parameters.AddRange(common.Parameters);
        return asked;
    }
}
