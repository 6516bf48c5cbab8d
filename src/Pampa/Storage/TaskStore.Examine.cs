using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>A record of which something is wrong.</summary>
/// <param name="Key">Its key, for people.</param>
/// <param name="Wrong">What, as <see cref="JobSql.Stuck"/> calls it.</param>
/// <param name="Worker">The worker whose id it carries.</param>
/// <param name="Seconds">Since the time that tells it.</param>
internal sealed record StuckRecord(string Key, string Wrong, string? Worker, double Seconds);

/// <summary>A record with what RESERVE asks of it.</summary>
/// <param name="Task">The record.</param>
/// <param name="IsFree">Whether nobody holds it.</param>
/// <param name="IsOpen">Whether it has no end.</param>
/// <param name="HasAttempts">Whether attempts are left.</param>
/// <param name="IsDue">Whether it is due.</param>
/// <param name="Fits">Whether it matches the job's condition; null: that cannot be told.</param>
/// <param name="Misfit">Why it cannot be told.</param>
/// <param name="Reserved">Seconds since it was reserved or is due.</param>
/// <param name="Started">Seconds since its last start.</param>
/// <param name="Ended">Seconds since its end.</param>
internal sealed record ExaminedRecord(
    TaskInfo Task, bool IsFree, bool IsOpen, bool HasAttempts, bool IsDue, bool? Fits, string? Misfit, double? Reserved, double? Started, double? Ended)
{
    /// <summary>Whether it is its turn in its sequence, as <see cref="JobSql.Explain"/> says it; null: there are no sequences.</summary>
    public string? Turn { get; init; }
}

/// <summary>What is asked in order to explain, and changes nothing.</summary>
internal sealed partial class TaskStore
{
    private const int PickedRows = Limits.StatementRows;

    /// <summary>The statement that picks records when they are reserved, with its values.</summary>
    /// <exception cref="SnippetException">The job's condition throws.</exception>
    public Statement PickStatement() => Picking((where, orderBy) => Sql.ReservePick(where, orderBy, afterCursor: false), PickedRows);

    /// <summary>The records that would be reserved next, in order.</summary>
    public Task<List<PreviewedTask>> PreviewAsync(Database.Unit unit, int count)
    {
        var at = Table.Key.Count;
        return unit.QueryAsync(Picking(Sql.Preview, count), reader => ReadPreviewed(reader, at));
    }

    private PreviewedTask ReadPreviewed(DbDataReader reader, int at) => new(
        database.Dialect.Display(ReadKey(reader)), reader.GetInt32(at), NumberOrNull(reader, at + 1) is { } seconds ? Span(seconds) : null);

    private Statement Picking(Func<string?, string?, string> text, int count)
    {
        var parameters = new List<(string Name, object? Value)>();
        var where = Where(parameters);
        var statement = ByKey(text(where, Job.OrderBy?.Render("order", parameters))).With("want", count);
        statement.Parameters.AddRange(parameters);
        return statement;
    }

    private static TimeSpan Span(double seconds) => TimeSpan.FromSeconds(Math.Round(Math.Clamp(seconds, 0, Limits.LongestDelay.TotalSeconds), 3));

    /// <summary>How the database would pick records.</summary>
    public Task<PlanSummary> PlanAsync(Database.Unit unit) => PlanAsync(unit, Job.Selecting switch
    {
        null => PickStatement(),
        { Statement: not null } => SelectStatement(PickedRows),
        _ => PickNamedStatement([]),
    });

    /// <summary>How the database would run a statement that picks records.</summary>
    public Task<PlanSummary> PlanAsync(Database.Unit unit, Statement pick) => database.Dialect.Examiner.PlanAsync(unit, Table, pick);

    /// <summary>A record as RESERVE sees it; null where there is none of this key.</summary>
    public async Task<ExaminedRecord?> ExamineAsync(TaskKey key, CancellationToken stopping)
    {
        try
        {
            return await ReadAsync(Picking(Sql.Explain, 1), null);
        }
        catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Data or ErrorKind.Schema)
        {
            // The condition, or the key: without the condition the key has it alone.
            return await ReadAsync(Statement(Sql.Explain(null, null)), e.Message.ReplaceLineEndings(" "));
        }

        async Task<ExaminedRecord?> ReadAsync(Statement statement, string? misfit)
        {
            database.Dialect.Bind(statement, Sql.KeyRows, [Row(key)]);
            var rows = await database.LookAsync(unit => unit.QueryAsync(statement, reader => ReadExamined(reader, misfit)), stopping, LookFor.Keys);
            return rows.Count == 0 ? null : rows[0];
        }
    }

    private ExaminedRecord ReadExamined(DbDataReader reader, string? misfit)
    {
        var at = Table.Key.Count + 7;
        return new ExaminedRecord(ReadInfo(reader), Flag(reader, at), Flag(reader, at + 1), Flag(reader, at + 2), Flag(reader, at + 3),
            misfit is null ? Flag(reader, at + 4) : null, misfit, NumberOrNull(reader, at + 5), NumberOrNull(reader, at + 6), NumberOrNull(reader, at + 7))
        { Turn = TextOrNull(reader, at + 8) };
    }

    /// <summary>
    /// Whether somebody else holds a lock on a record, and who, for people. Null: nobody does, or this database does not tell.
    /// </summary>
    public async Task<string?> LockHolderAsync(TaskKey key, CancellationToken stopping)
    {
        var examiner = database.Dialect.Examiner;
        if (!examiner.SeesLocks) return null;
        var probe = new Statement(Sql.TryLock);
        database.Dialect.Bind(probe, Sql.KeyRows, [Row(key)]);
        if ((await database.LookAsync(unit => unit.QueryAsync(probe, _ => true), stopping, LookFor.Lock)).Count > 0) return null;
        return await database.LookAsync(unit => examiner.LockHolderAsync(unit, Table, key), stopping, LookFor.Keys) ?? "a session that cannot be told";
    }

    /// <summary>Open records that somebody should have done something about, as far as the first of them are looked at.</summary>
    public Task<List<StuckRecord>> ReadStuckAsync(Database.Unit unit, TimeSpan handTimeout, int limit)
    {
        var at = Table.Key.Count;
        var margin = Examination.Stuck.Margin;
        return unit.QueryAsync(
            Statement(Sql.Stuck).With("limit", limit).With("want", Examination.Stuck.Most).With("overdue", (Job.MaxDuration + margin).TotalSeconds)
                .With("forgotten", (handTimeout + margin).TotalSeconds).With("dead", margin.TotalSeconds),
            reader => new StuckRecord(
                database.Dialect.Display(ReadKey(reader)), reader.GetString(at), TextOrNull(reader, at + 1), NumberOrNull(reader, at + 2) ?? 0));
    }

    /// <summary>Ended records whose times the database cannot have made: key, seconds since the end and since the start.</summary>
    public Task<List<(string Key, double Ended, double? Started)>> ReadOddTimesAsync(Database.Unit unit, int limit)
    {
        var at = Table.Key.Count;
        return unit.QueryAsync(Statement(Sql.OddTimes).With("limit", limit).With("want", Examination.Stuck.Most),
            reader => (database.Dialect.Display(ReadKey(reader)), NumberOrNull(reader, at) ?? 0, NumberOrNull(reader, at + 1)));
    }

    /// <summary>Records without a key, among the first.</summary>
    public Task<long> CountNullKeysAsync(Database.Unit unit, int limit) => OneNumberAsync(unit, Sql.NullKeys, limit);

    /// <summary>Whether the table has more records than a small one.</summary>
    public async Task<bool> IsLargeAsync(Database.Unit unit) => await OneNumberAsync(unit, Sql.Size, Examiner.ManyRecords) >= Examiner.ManyRecords;

    /// <summary>How many open records are pending, among the first, and for how long the oldest of them has been due.</summary>
    public async Task<(long Count, TimeSpan? Oldest)> ReadPendingAsync(Database.Unit unit, int limit)
    {
        var counts = await unit.QueryAsync(Asked(Sql.ReportOpen).With("limit", limit),
            reader => (State: reader.GetString(0), Count: reader.GetInt64(1), Waits: NumberOrNull(reader, 2)));
        var pending = counts.Find(c => c.State == nameof(TaskState.Pending));
        return (pending.Count, pending.Waits is { } seconds ? Span(seconds) : null);
    }

    private async Task<long> OneNumberAsync(Database.Unit unit, string text, int limit) =>
        (await unit.QueryAsync(Statement(text).With("limit", limit), reader => Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture)))[0];
}
