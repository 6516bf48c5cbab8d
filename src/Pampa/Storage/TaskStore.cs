using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>A worker that the leader found dead, with the life in which it was seen.</summary>
internal sealed record DeadWorker(string Id, long Session, string Heartbeat);

/// <summary>What became of records that were taken back.</summary>
internal readonly record struct TakenBack(int Released, int Again, int Failed)
{
    public int Total => Released + Again + Failed;

    public static TakenBack operator +(TakenBack a, TakenBack b) => new(a.Released + b.Released, a.Again + b.Again, a.Failed + b.Failed);
}

/// <summary>A statement has taken effect, and what it has changed could not be read.</summary>
internal sealed class NotToldException(Exception why) : Exception("what was settled could not be read", why);

/// <summary>An open record that carries the id of one of the node's own workers.</summary>
internal sealed record OwnRecord(TaskKey Key, string Worker, string? ReservedAt, int Attempts, string? StartedAt)
{
    public Claim Claim => new(ReservedAt ?? "", StartedAt is null ? Attempts : Attempts - 1);
}

/// <summary>The verbs of one job on its table: reserve, start, finish, release, reclaim, relaunch, count.</summary>
internal sealed partial class TaskStore(Database database, JobTable table, string cluster, Random random)
{
    /// <summary>How long counting may take.</summary>
    public static readonly TimeSpan CountDeadline = TimeSpan.FromSeconds(5);

    // What FINISH is told of each row, but for its key and what it changes; and of that the fence.
    private const int FinishCells = 7;
    private const int FenceCells = 3;
    private static readonly string[] OutcomeNames = Enum.GetNames<Outcome>();
    private JobTable known = table;

    public JobDefinition Job => Table.Job;

    /// <summary>The table as it was when it was last looked at.</summary>
    public JobTable Table => Volatile.Read(ref known);

    private JobSql Sql => Table.Sql;

    public Database Database => database;

    /// <summary>How many records RESERVE could take after a key: at most so many are counted, and that in a few seconds.</summary>
    public async Task<long> CountDueAsync(int most, TaskKey? cursor, CancellationToken stopping)
    {
        var statement = OfDue((where, order) => Sql.CountDue(where, order, cursor is not null), most);
        if (cursor is { } key) database.Dialect.BindCursor(statement, key);
        return (await database.QueryAsync(statement, reader => reader.GetInt64(0), stopping))[0];
    }

    /// <summary>The same of all, and how long one of those that were counted has been due at most; null: none tells since when.</summary>
    public async Task<(long Count, TimeSpan? Oldest)> CountDueAsync(int most, CancellationToken stopping) =>
        (await database.QueryAsync(OfDue(Sql.CountDueWaits, most), reader => (reader.GetInt64(0), Waited(NumberOrNull(reader, 1))), stopping))[0];

    private Statement OfDue(Func<string?, string?, string> text, int most)
    {
        var parameters = new List<(string Name, object? Value)>();
        var where = Where(parameters);
        var statement = new Statement(text(where, Job.OrderBy?.Render("order", parameters))) { IsByKey = true, Deadline = CountDeadline }
            .With("cluster", cluster).With("max", Job.MaxAttempts).With("want", most);
        statement.Parameters.AddRange(parameters);
        return statement;
    }

    /// <summary>
    /// T2: starts reserved records whose worker still has the session. Returns those that were started. Where the job has hooks for
    /// that, it is one record, and all or nothing; where they were refused, <paramref name="end"/> says how the attempt ends in the same moment.
    /// </summary>
    public Task<List<StartedTask>> StartAsync(
        IReadOnlyList<(Reservation Reservation, long Session)> rows, CancellationToken stopping, Func<StartedTask, TaskResult>? end = null)
    {
        var isUnit = end is not null || Job.Hooks.HasStatements(HookKind.Starting);
        var parameters = new List<(string Name, object? Value)>();
        var where = Where(parameters);
        var table = Table;
        return ChunkedAsync(rows, chunk =>
        {
            // What is set for statements that find records by their keys would be set for the hooks, too.
            var statement = isUnit ? Statement(table.Sql.Start(where)) : ByKey(table.Sql.Start(where));
            foreach (var (name, value) in parameters) statement.With(name, value);
            database.Dialect.Bind(statement, table.Sql.StartRows, [.. chunk.Select(r => Row(r.Reservation.Key, r.Reservation.Worker,
                r.Reservation.ReservedAt, Text(r.Reservation.Attempts), Text(r.Session)))]);
            return isUnit ? StartUnitAsync(table, statement, end, stopping) : database.WriteAsync(statement, reader => ReadStarted(table, reader), stopping);
        });
    }

    /// <summary>
    /// T3, T4, T5, T10, T11 for rows with the same changed columns. Returns the keys that were settled. Sorted by key,
    /// so that two finishers never wait for each other in a ring. None may be tried again whose attempt was the last of
    /// <paramref name="max"/>, by default of those that the job has now. <paramref name="mayBeSettled"/>: one may have been settled by an
    /// earlier try.
    /// </summary>
    /// <exception cref="NotToldException">Some were settled, and it could not be read which.</exception>
    public Task<List<TaskKey>> FinishAsync(
        IReadOnlyList<TaskResult> results, bool skipLocked, CancellationToken stopping, int? max = null, bool mayBeSettled = false)
    {
        if (Job.Hooks.HasStatements(HookKind.Finished) && results is [{ LeavesOutHooks: false } single])
            return FinishWithHooksAsync(single, skipLocked, stopping);
        var ordered = InOrder(results);
        // Whoever is told of each must not be told by what is read later.
        var isCounted = !skipLocked && !mayBeSettled && !Job.Hooks.Has(HookKind.Finished) && ordered.TrueForAll(r => r.Outcome == Outcome.Completed);
        return ChunkedAsync(ordered, chunk => isCounted
            ? CompleteAsync(chunk, max, stopping)
            : database.WriteAsync(FinishStatement(chunk, skipLocked, max), ReadKey, stopping));
    }

    // Nearly always all of them are settled, and to know that it takes no list of them. Else they are looked at: a record that has this attempt's
    // fence and is completed was completed by it. Where there are more of those than were settled now, some were before: the ones that ended first.
    private async Task<List<TaskKey>> CompleteAsync(IReadOnlyList<TaskResult> results, int? max, CancellationToken stopping)
    {
        var keys = new List<TaskKey>(results.Count);
        foreach (var result in results) keys.Add(result.Fence.Key);
        var settled = await database.ExecuteAsync(FinishStatement(results, skipLocked: false, max, tells: false), stopping);
        if (settled == keys.Count) return keys;
        if (settled == 0) return [];
        var now = (await ToldAsync(() => ReadFencesAsync(keys, stopping))).ToDictionary(f => f.Fence.Key);
        return [.. results.Select(r => r.Fence.Key).Where((key, i) => now.TryGetValue(key, out var found) && HasEnded(found, results[i]))
            .OrderByDescending(key => now[key].EndedAt, StringComparer.Ordinal).Take(settled)];
    }

    // What goes wrong with the look says nothing of what was written.
    private static async Task<T> ToldAsync<T>(Func<Task<T>> askAsync)
    {
        try
        {
            return await askAsync();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new NotToldException(e);
        }
    }

    /// <summary>The same order for everybody, of whatever many records have the first part of their key in common.</summary>
    internal static List<TaskResult> InOrder(IEnumerable<TaskResult> results)
    {
        List<TaskResult> ordered = [.. results];
        ordered.Sort(static (a, b) => a.Fence.Key.CompareTo(b.Fence.Key));
        return ordered;
    }

    /// <summary>T3 as the last statement of the task's own transaction. Says whether the record still is this attempt's.</summary>
    public async Task<bool> FinishWithinAsync(TaskTransaction transaction, TaskResult result, CancellationToken stopping) =>
        (await database.WriteLastAsync(transaction, FinishStatement([result], skipLocked: false), ReadKey, stopping)).Count == 1;

    /// <summary>Lets the database read FINISH without a row.</summary>
    public Task ProbeFinishAsync(ColumnChanges? changes, CancellationToken stopping)
    {
        var (sql, changed) = Written(changes);
        var statement = ByKey(sql.Finish(changed, skipLocked: false));
        database.Dialect.Bind(statement, sql.FinishRows(changed), []);
        return database.WriteAsync(statement, ReadKey, stopping);
    }

    private Statement FinishStatement(IReadOnlyList<TaskResult> results, bool skipLocked, int? max = null, bool isByKey = true, bool tells = true)
    {
        var (sql, changed) = Written(results[0].Changes);
        var areCompleted = results.All(r => r.Outcome == Outcome.Completed);
        var statement = Statement(areCompleted ? sql.Complete(changed, skipLocked, tells) : sql.Finish(changed, skipLocked), max, isByKey, hasOnePlan: true);
        var rows = areCompleted ? sql.CompleteRows(changed) : sql.FinishRows(changed);
        database.Dialect.Bind(statement, rows, [.. results.Select(r => FinishRow(r, areCompleted))]);
        return statement;
    }

    private (JobSql Sql, int[] Changed) Written(ColumnChanges? changes) => ((changes?.Table ?? Table).Sql, changes?.Columns ?? []);

    // Of most there is nothing to format: a tenth of what a short task costs is this row.
    private string?[] FinishRow(TaskResult result, bool isCompleted)
    {
        var key = result.Fence.Key;
        var changes = result.Changes?.Values ?? [];
        var told = isCompleted ? FenceCells : FinishCells;
        var row = new string?[key.Count + told + changes.Length];
        for (var i = 0; i < key.Count; i++) row[i] = key[i];
        var cells = row.AsSpan(key.Count);
        cells[0] = result.Fence.Worker;
        cells[1] = Text(result.Fence.Attempt);
        cells[2] = result.Fence.StartedAt;
        changes.CopyTo(cells[told..]);
        if (isCompleted) return row;
        cells[3] = OutcomeNames[(int)result.Outcome];
        cells[4] = result.DelaySeconds == 0 ? "0" : result.DelaySeconds.ToString("0.######", CultureInfo.InvariantCulture);
        cells[5] = result.Until?.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        cells[6] = StoredError(result);
        return row;
    }

    private string? StoredError(TaskResult result) => result.Error is null ? null : ErrorText.Sanitise(result.Error, Table.ErrorLength);

    /// <summary>
    /// Whether a record that still has the result's fence has ended by that very result: the leader that fails a record
    /// of a lost worker leaves the fence as it is. Results that do not end a record change its fence.
    /// </summary>
    public bool HasEnded(FenceNow now, TaskResult result) => now.Fence == result.Fence && now.Ended && result.Outcome switch
    {
        Outcome.Completed => now.Succeeded,
        Outcome.Failed => !now.Succeeded && now.Error == StoredError(result),
        _ => false,
    };

    /// <summary>What the fences of these records are now, and how those that have ended have ended.</summary>
    public Task<List<FenceNow>> ReadFencesAsync(IReadOnlyList<TaskKey> keys, CancellationToken stopping) =>
        ChunkedAsync(keys, chunk =>
        {
            var statement = ByKey(Sql.ReadFences);
            database.Dialect.Bind(statement, Sql.KeyRows, [.. chunk.Select(k => Row(k))]);
            return database.QueryAsync(statement, reader =>
            {
                var at = Table.Key.Count;
                return new FenceNow(
                    new Fence(ReadKey(reader), TextOrNull(reader, at) ?? "", reader.GetInt32(at + 1), TextOrNull(reader, at + 2) ?? ""),
                    TextOrNull(reader, at + 3), Convert.ToBoolean(reader.GetValue(at + 4), CultureInfo.InvariantCulture), TextOrNull(reader, at + 5));
            }, stopping);
        });

    /// <summary>T6: gives unstarted reservations back. Returns the keys that were still this reservation's.</summary>
    public Task<List<TaskKey>> ReleaseAsync(IReadOnlyList<Reservation> reservations, CancellationToken stopping) =>
        ChunkedAsync(reservations, chunk =>
        {
            var statement = ByKey(Sql.Release);
            database.Dialect.Bind(statement, Sql.ReleaseRows, [.. chunk.Select(r => Row(r.Key, r.Worker, r.ReservedAt))]);
            return database.WriteAsync(statement, ReadKey, stopping);
        });

    /// <summary>The program's condition with its values of this moment; null where there is none.</summary>
    private string? Where(ICollection<(string Name, object? Value)> parameters) => Rendered(Job.Where, "Where", "where", parameters);

    private static string? Rendered(Func<Sql>? snippet, string name, string prefix, ICollection<(string Name, object? Value)> parameters)
    {
        try
        {
            return snippet?.Invoke().Render(prefix, parameters);
        }
        catch (Exception e)
        {
            throw new SnippetException($"its {name} throws {e.GetType().Name}: {e.Message}", e);
        }
    }

    private Statement Statement(string text, int? max = null, bool isByKey = false, TimeSpan? endsAfter = null, bool hasOnePlan = false) =>
        new Statement(text) { IsByKey = isByKey, EndsAfter = endsAfter, HasOnePlan = hasOnePlan }.With("cluster", cluster).With("max", max ?? Job.MaxAttempts);

    private Statement ByKey(string text, int? max = null) => Statement(text, max, isByKey: true);

    private async Task<List<TResult>> ChunkedAsync<TRow, TResult>(IReadOnlyList<TRow> rows, Func<IReadOnlyList<TRow>, Task<List<TResult>>> run)
    {
        var max = database.Dialect.MaxRows;
        if (rows.Count == 0) return [];
        if (rows.Count <= max) return await run(rows);
        var results = new List<TResult>(rows.Count);
        foreach (var chunk in rows.Chunk(max)) results.AddRange(await run(chunk));
        return results;
    }

    private static string?[] Row(TaskKey key, params ReadOnlySpan<string?> cells)
    {
        var row = new string?[key.Count + cells.Length];
        for (var i = 0; i < key.Count; i++) row[i] = key[i];
        cells.CopyTo(row.AsSpan(key.Count));
        return row;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string? TextOrNull(DbDataReader reader, int ordinal) => reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);

    private TaskKey ReadKey(DbDataReader reader)
    {
        if (Table.Key.Count == 1) return new TaskKey(database.Dialect.ReadKeyPart(reader, 0, Table.Key[0]));
        var parts = new string[Table.Key.Count];
        for (var i = 0; i < parts.Length; i++) parts[i] = database.Dialect.ReadKeyPart(reader, i, Table.Key[i]);
        return new TaskKey(parts);
    }

    private string ReadTime(DbDataReader reader, int ordinal, StateColumn column) => database.Dialect.ReadTime(reader, ordinal, Table.State[(int)column]);

    // Its worker stands behind the key, where the statement was not told of it with the row's place.
    private Reservation ReadReservation(DbDataReader reader, string? worker)
    {
        var at = Table.Key.Count;
        worker ??= reader.GetString(at++);
        return new Reservation(ReadKey(reader), worker, ReadTime(reader, at, StateColumn.ReservationTime), reader.GetInt32(at + 1));
    }

    private StartedTask ReadStarted(JobTable table, DbDataReader reader, string? worker = null, string? reservedAt = null)
    {
        // The fence first: a value that the driver cannot read must fail its own task, and for that the fence is
        // needed.
        var at = table.Key.Count;
        worker ??= reader.GetString(at++);
        var fence = new Fence(ReadKey(reader), worker, reader.GetInt32(at), ReadTime(reader, at + 1, StateColumn.StartTime));
        var generation = table.Generation is null ? 0 : reader.GetInt64(at++ + 2);
        var values = new object?[table.RecordColumns.Count];
        for (var i = 0; i < values.Length; i++) values[i] = ReadValue(reader, at + 2 + i);
        return new StartedTask(table, fence, values, generation) { Claim = reservedAt is null ? default : new Claim(reservedAt, fence.Attempt - 1) };
    }

    private static object? ReadValue(DbDataReader reader, int ordinal)
    {
        try
        {
            return reader.IsDBNull(ordinal) ? null : reader.GetValue(ordinal);
        }
        catch (Exception e) when (e is InvalidCastException or OverflowException or FormatException or ArgumentException or NotSupportedException)
        {
            return new UnreadableValue(e);
        }
    }
}
