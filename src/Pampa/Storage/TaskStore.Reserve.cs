using System.Data.Common;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Where a reserved record goes.</summary>
/// <param name="Worker">The worker.</param>
/// <param name="Node">Its node.</param>
/// <param name="IsLow">Whether the worker has next to nothing in hand, so that its node is worth telling at once.</param>
/// <param name="Session">The worker's session, where what is reserved for it is started with the same statement; null: it is not.</param>
internal readonly record struct Slot(string Worker, string Node, bool IsLow = false, long? Session = null);

/// <summary>What RESERVE has bound: a reservation, or a task that was started as well.</summary>
internal readonly struct Bound
{
    private readonly Reservation? held;

    public Bound(Reservation reservation) => held = reservation;

    public Bound(StartedTask started) => Started = started;

    /// <summary>The task, where it was started.</summary>
    public StartedTask? Started { get; }

    public TaskKey Key => held?.Key ?? Started!.Fence.Key;

    public string Worker => held?.Worker ?? Started!.Fence.Worker;

    /// <summary>The reservation; of a task that was started, what it was.</summary>
    public Reservation Reservation => held ?? new Reservation(Key, Worker, Started!.Claim.ReservedAt, Started.Claim.Attempts);
}

/// <summary>Where picking begins.</summary>
/// <param name="After">The key behind which; null: at the first.</param>
/// <param name="Longest">How long it may take; null: as long as any statement.</param>
internal readonly record struct PickFrom(TaskKey? After, TimeSpan? Longest = null)
{
    public static implicit operator PickFrom(TaskKey? after) => new(after);
}

/// <summary>T1, alone or with T2.</summary>
internal sealed partial class TaskStore
{
    // To lock what is picked costs a write for each record, and next to always nobody else is at them. Where somebody was, he is passed by
    // for so long: each time that he is not, it takes a lock's wait to find out.
    private static readonly TimeSpan LocksFor = TimeSpan.FromMinutes(1);

    // A statement that waits for one record after the other holds what it has changed: whoever waits for that in turn must not be the one
    // whom the server ends for it, which takes a second by default.
    private static readonly TimeSpan LongestUnlocked = TimeSpan.FromSeconds(0.9);
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(0.15);
    private long? lockMetAt;
    private bool wasSlow;

    /// <summary>
    /// Whether RESERVE finds what it has picked by its place: what somebody has changed in between it does not find then, and only then.
    /// </summary>
    public bool PicksByPlace => Table.Sql.IsPickedByPlace && Job.Selecting is null;

    /// <summary>Whether the last RESERVE has seen that it did not find one: a later one it found.</summary>
    public bool HasMissed { get; private set; }

    /// <summary>One RESERVE: what was asked for, and the program's snippets with their values of this moment.</summary>
    private sealed record Reserving(
        JobTable Table, IReadOnlyList<Slot> Slots, LeaseTerm Lease, string OwnNode, PickFrom From, string Batch, IReadOnlyList<TaskKey>? Named, string? Where,
        string? OrderBy, IReadOnlyList<(string Name, object? Value)> Parameters)
    {
        /// <summary>Whether it starts anything.</summary>
        public bool Starts { get; } = Named is null && Slots.Any(s => s.Session is not null);
    }

    /// <summary>
    /// T1: binds due records to slots, in order, and hands those of other nodes over to them, under the name of
    /// <paramref name="batch"/>; idle ones are told, where the database has messages. Returns what was bound; fewer
    /// where others were first.
    /// </summary>
    public async Task<List<Reservation>> ReserveAsync(
        IReadOnlyList<Slot> slots, LeaseTerm lease, string ownNode, TaskKey? cursor, CancellationToken stopping, string? batch = null,
        IReadOnlyList<TaskKey>? named = null) =>
        (await BindAsync(slots, lease, ownNode, cursor, stopping, batch, named)).ConvertAll(bound => bound.Reservation);

    /// <summary>The same, and T2 with the same write for slots with a session: of records that were never tried.</summary>
    public async Task<List<Bound>> BindAsync(
        IReadOnlyList<Slot> slots, LeaseTerm lease, string ownNode, PickFrom from, CancellationToken stopping, string? batch = null,
        IReadOnlyList<TaskKey>? named = null)
    {
        var parameters = new List<(string Name, object? Value)>();
        var where = Where(parameters);
        var asked = new Reserving(
            Table, slots, lease, ownNode, from, batch ?? Guid.CreateVersion7().ToString("N"), named, where, Job.OrderBy?.Render("order", parameters), parameters);
        if (!database.Dialect.ReservesInOneStatement) return await database.UnitAsync(unit => BindInStepsAsync(asked, unit), stopping);
        var notifications = database.Dialect.Notifications;
        string[] told = notifications is null ? [] : [.. slots.Where(s => s.IsLow && s.Node != ownNode).Select(s => s.Node).Distinct()];
        try
        {
            return await BindInOneAsync(asked, told, stopping);
        }
        catch (Exception e) when (told.Length > 0 && notifications!.IsFull(e))
        {
            // Nodes that are not told look by themselves.
            return await BindInOneAsync(asked, [], stopping);
        }
    }

    private Statement Picking(Reserving asked, string text, TimeSpan? endsAfter = null)
    {
        // Lost in a crash of the server it was never made: START, which is not lost, finds it or finds nothing. A start must not be lost with it,
        // for its attempt counts.
        var statement = new Statement(text)
        {
            IsByKey = true,
            IsAwaited = true,
            MayBeForgotten = !asked.Starts,
            EndsAfter = endsAfter,
            Turn = asked.Table.Sql.Turn,
        }.With("cluster", cluster).With("max", Job.MaxAttempts).With("want", asked.Slots.Count);
        foreach (var (name, value) in asked.Parameters) statement.With(name, value);
        if (asked.Named is not null) BindNamed(statement, asked.Named);
        else if (asked.From.After is { } key) database.Dialect.BindCursor(statement, key);
        return statement;
    }

    private async Task<List<Bound>> BindInOneAsync(Reserving asked, string[] told, CancellationToken stopping)
    {
        var (dialect, time) = (database.Dialect, database.Time);
        var hasMetLock = lockMetAt is { } met && time.GetElapsedTime(met) < LocksFor;
        var longest = asked.From.Longest;
        if (!dialect.CanSkipLocked || asked.Named is not null || asked.Table.Sql.LocksPicked(hasMetLock))
            return await BindInOneAsync(asked, told, locks: true, longest, stopping);
        var unlocked = longest is { } limit && limit / 2 < LongestUnlocked ? limit / 2 : LongestUnlocked;
        var began = time.GetTimestamp();
        try
        {
            var bound = await BindInOneAsync(asked, told, locks: false, unlocked, stopping);
            // Several short waits for locks; once may be the disk, or a processor that others have.
            var isSlow = time.GetElapsedTime(began) >= LongWait;
            if (isSlow && wasSlow) lockMetAt = time.GetTimestamp();
            wasSlow = isSlow;
            return bound;
        }
        catch (Exception e) when (dialect.Classify(e) == ErrorKind.Locked || dialect.IsStatementTimeout(e))
        {
            lockMetAt = time.GetTimestamp();
            return await BindInOneAsync(asked, told, locks: true, longest - unlocked, stopping);
        }
    }

    private async Task<List<Bound>> BindInOneAsync(Reserving asked, string[] told, bool locks, TimeSpan? endsAfter, CancellationToken stopping)
    {
        var (sql, where) = (asked.Table.Sql, asked.Where);
        var hands = told.Length > 0 ? HandOvers.Told : asked.Slots.Any(s => s.Node != asked.OwnNode) ? HandOvers.Laid : HandOvers.None;
        var text = asked.Named is not null ? sql.ReserveNamed(where, asked.OrderBy, hands)
            : asked.Starts ? sql.ReserveStarting(where, asked.OrderBy, asked.From.After is not null, hands, locks)
            : sql.Reserve(where, asked.OrderBy, asked.From.After is not null, hands, locks);
        var statement = asked.Lease.Bind(Picking(asked, text, endsAfter));
        if (hands != HandOvers.None) statement.With("job", Job.Name).With("own", asked.OwnNode).With("batch", asked.Batch);
        if (hands == HandOvers.Told) statement.With("told", told);
        var slots = JobSql.SlotsOf(hands, asked.Starts);
        database.Dialect.Bind(statement, slots, SlotRowsOf(asked, hands != HandOvers.None));
        var placed = await database.WriteAsync(statement, reader =>
        {
            var place = (int)reader.GetInt64(reader.FieldCount - 1);
            return (Place: place, Bound: ReadBound(asked, reader, asked.Slots[place - 1].Worker));
        }, stopping);
        HasMissed = placed.Count > 0 && placed.Max(p => p.Place) > placed.Count;
        // They come as they were picked, though nothing promises it.
        for (var i = 1; i < placed.Count; i++)
        {
            if (placed[i].Place > placed[i - 1].Place) continue;
            placed.Sort((a, b) => a.Place.CompareTo(b.Place));
            break;
        }
        return placed.ConvertAll(p => p.Bound);
    }

    // The slots of a worker are alike.
    private static string?[][] SlotRowsOf(Reserving asked, bool hasNode)
    {
        var known = new Dictionary<string, string?[]>(StringComparer.Ordinal);
        var rows = new string?[asked.Slots.Count][];
        for (var i = 0; i < rows.Length; i++)
        {
            var slot = asked.Slots[i];
            if (!known.TryGetValue(slot.Worker, out var row)) known[slot.Worker] = row = SlotRow(slot, hasNode, asked.Starts);
            rows[i] = row;
        }
        return rows;
    }

    private static string?[] SlotRow(Slot slot, bool hasNode, bool starts) => (hasNode, starts) switch
    {
        (true, true) => [slot.Worker, slot.Node, SessionOf(slot)],
        (true, false) => [slot.Worker, slot.Node],
        (false, true) => [slot.Worker, SessionOf(slot)],
        (false, false) => [slot.Worker],
    };

    private async Task<List<Bound>> BindInStepsAsync(Reserving asked, Database.Unit unit)
    {
        var (sql, where, slots) = (asked.Table.Sql, asked.Where, asked.Slots);
        var pick = asked.Named is null ? sql.ReservePick(where, asked.OrderBy, asked.From.After is not null) : sql.ReservePickNamed(where, asked.OrderBy);
        List<TaskKey> picked = [.. (await unit.QueryAsync(Picking(asked, pick), ReadKey)).Distinct()];
        if (picked.Count == 0) return [];
        var apply = asked.Lease.Bind(ByKey(asked.Starts ? sql.ReserveApplyStarting(where, asked.OrderBy) : sql.ReserveApply(where, asked.OrderBy)));
        apply.Parameters.AddRange(asked.Parameters);
        if (asked.Starts) database.Dialect.Bind(apply, sql.ReserveStartingRows, [.. picked.Select((key, i) => Row(key, slots[i].Worker, SessionOf(slots[i])))]);
        else database.Dialect.Bind(apply, sql.ReserveRows, [.. picked.Select((key, i) => Row(key, slots[i].Worker))]);
        var all = (await unit.QueryAsync(apply, reader => ReadBound(asked, reader, worker: null))).ToDictionary(b => b.Key);
        // RETURNING keeps no order.
        var ordered = picked.Select((key, i) => (IsBound: all.TryGetValue(key, out var one), Bound: one, slots[i].Node)).Where(r => r.IsBound).ToList();
        foreach (var remote in ordered.Where(r => r.Node != asked.OwnNode).GroupBy(r => r.Node))
        {
            await unit.ExecuteAsync(Statement(sql.HandOver).With("node", remote.Key).With("id", asked.Batch)
                .With("job", Job.Name).With("term", asked.Lease.Term).With("rows", HandOverText.Write(remote.Select(r => r.Bound.Reservation))));
        }
        return [.. ordered.Select(r => r.Bound)];
    }

    private static string? SessionOf(Slot slot) => slot.Session is { } session ? Text(session) : null;

    private Bound ReadBound(Reserving asked, DbDataReader reader, string? worker)
    {
        if (!asked.Starts) return new Bound(ReadReservation(reader, worker));
        var table = asked.Table;
        var at = table.Key.Count + (worker is null ? 1 : 0);
        var reservedAt = ReadTime(reader, at + 2 + (table.Generation is null ? 0 : 1) + table.RecordColumns.Count, StateColumn.ReservationTime);
        if (reader.IsDBNull(at + 1)) return new Bound(new Reservation(ReadKey(reader), worker ?? reader.GetString(at - 1), reservedAt, reader.GetInt32(at)));
        return new Bound(ReadStarted(table, reader, worker, reservedAt));
    }
}
