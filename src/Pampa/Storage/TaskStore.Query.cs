using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>A failed record, for whoever looks at failures.</summary>
internal readonly record struct FailedRecord(string Key, DateTimeOffset? EndedAt, string? Error);

/// <summary>Pages, counts and failures for people: nothing here takes long, however large the table is.</summary>
internal sealed partial class TaskStore
{
    /// <summary>Characters of an error or a value in a page, and of those of a single record.</summary>
    private const int PageErrors = 500;
    private const int PageValues = 1_000;
    private const int WholeTexts = Limits.ErrorText;

    /// <summary>So many failed records are read as a whole; where there are more, a window of the key's index has some of them.</summary>
    private const int FewFailed = 5_000;

    /// <summary>A page looks at windows that are so much smaller: it shall be there before anybody has waited for it.</summary>
    private const int PageParts = 5;

    private static readonly TimeSpan FillFor = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CountFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookForIndexEvery = TimeSpan.FromMinutes(1);
    private (bool Is, long At) failedIndex;

    /// <summary>Records that one look passes by before it says how far it has come.</summary>
    internal int Window { get; init; } = Limits.LookedAtRows;

    private int PageWindow => Math.Max(1, Window / PageParts);

    /// <summary>What somebody asks for, made ready for statements.</summary>
    private sealed record Asking(string? Where, string? Filter, List<(string Name, object? Value)> Parameters, List<TaskKey>? Keys)
    {
        /// <summary>What this process looks for in error texts; null: nothing, or the database does.</summary>
        public Sieve? Sieve { get; init; }

        /// <summary>Whether most of what an index brings may be something else, so that looking must end somewhere.</summary>
        public bool IsSelective(Search search) => Keys is null && search.IsByKey && (Filter is not null || search.States.Count > 0);
    }

    private Asking Ask(TaskFilter filter)
    {
        var parameters = new List<(string Name, object? Value)>();
        return new Asking(Where(parameters), Sql.Filter(filter, parameters), parameters, filter.Keys is { } keys ? ParseKeys(keys) : null)
        {
            Sieve = filter is { ErrorContains: { } text, Redact: { } redact } ? new Sieve(text, redact) : null,
        };
    }

    private List<TaskKey> ParseKeys(IReadOnlyCollection<string> keys) => keys.Count > Limits.ListedRows
        ? throw Sql.Fault($"a filter names at most {Limits.ListedRows} keys, got {keys.Count}")
        : [.. keys.Distinct(StringComparer.Ordinal).Select(RequireKey)];

    /// <summary>A key that somebody has written.</summary>
    /// <exception cref="ArgumentException">It has not as many parts as the job's key has columns.</exception>
    public TaskKey RequireKey(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParseKey(text, out var key) ? key
            : throw Sql.Fault($"a key has {Table.Key.Count} parts ({string.Join(", ", Table.Key.Select(k => k.Name))}) with commas between them, got '{text}'. A comma inside a part is written as \\,");
    }

    /// <summary>The columns of these names, in the table's order.</summary>
    /// <exception cref="ArgumentException">There is no such column.</exception>
    private List<ColumnInfo> ValuesOf(IReadOnlyCollection<string>? names)
    {
        var wanted = (names ?? []).Select(name => Sql.RequireColumn(name).Name).ToHashSet(StringComparer.Ordinal);
        return [.. Table.Table.Columns.Where(c => wanted.Contains(c.Name))];
    }

    /// <summary>A page of records.</summary>
    /// <exception cref="ArgumentException">It cannot be asked.</exception>
    /// <exception cref="TimeoutException">It takes too long.</exception>
    public Task<TaskPage> PageAsync(TaskQuery query, CancellationToken stopping) => AskedAsync(query, async () =>
    {
        var asking = Ask(query.Filter);
        // Nothing else has an end.
        var ended = query.Filter.States.Count == 0 || query.Filter.States.Any(s => s is TaskState.Completed or TaskState.Failed);
        if (query.Order == TaskOrder.LatestEnd && !ended) return Page([], null, isPartial: false, 0);
        await RequireLatestAsync(query, stopping);
        // In no time at all there is nothing. Whoever asks like that learns whether he may ask, and no record is looked at for it.
        if (query.Filter is { From: { } from, Until: { } until } && from >= until) return Page([], null, isPartial: false, 0);
        if (asking.Sieve is not null) return await SiftedPageAsync(query, asking, stopping);
        var (moment, after) = Cursor(query);
        var search = PageSearch(query, asking, PageErrors);
        var began = TimeProvider.System.GetTimestamp();
        var walk = default(Walk);
        var found = new List<Listed>();
        var looked = 0L;
        while (true)
        {
            var at = TimeProvider.System.GetTimestamp();
            var want = query.Limit + 1 - found.Count;
            (walk, var more) = await SliceAsync(walk, asking, search, after, want, moment, stopping);
            found.AddRange(more);
            looked += LookedAt(walk, more.Count, want);
            if (found.Count > query.Limit) return Page(found[..query.Limit], NextOf(found[query.Limit - 1], query.Order), isPartial: false, looked);
            if (walk.Bound is not { } bound) return Page(found, null, isPartial: false, looked);
            walk.Cursor = bound;
            if (IsLongEnough(began, at)) return Page(found, database.Dialect.Display(bound), isPartial: true, looked);
        }
    }, stopping);

    private Search PageSearch(TaskQuery query, Asking asking, int characters) => new()
    {
        States = query.Filter.States,
        Order = query.Order,
        OfKeys = asking.Keys is not null,
        Values = ValuesOf(query.Columns),
        Characters = characters,
        ValueCharacters = PageValues,
    };

    // Each window is a look of its own: one that the database wants to be repeated is not many.
    private Task<(Walk Walk, List<Listed> Seen)> SliceAsync(
        Walk? walk, Asking asking, Search search, TaskKey? after, int want, string? moment, CancellationToken stopping) => database.LookAsync(async unit =>
        {
            walk ??= await WalkAsync(unit, asking, search, after);
            await BoundAsync(unit, walk, PageWindow);
            return (walk, await unit.QueryAsync(PageStatement(walk, want, moment), reader => ReadListed(reader, search)));
        }, stopping, LookFor.Page);

    // One more would take as long as this one has.
    private static bool IsLongEnough(long began, long at) =>
        TimeProvider.System.GetElapsedTime(began) + TimeProvider.System.GetElapsedTime(at) >= FillFor;

    // All of a window that was gone through to its end, whose bound is in it; of one that was not, and of the last one, what it has brought.
    private long LookedAt(Walk walk, int seen, int want) => walk.Bound is not null && seen < want ? PageWindow + 1 : seen;

    private static TaskPage Page(List<Listed> found, string? next, bool isPartial, long looked) =>
        new([.. found.Select(f => f.Task)], next, isPartial) { LookedAt = looked };

    /// <summary>How many records match: counting ends at so many, or when it has taken a second; without a hurry, at so many only.</summary>
    public Task<TaskCount> CountAsync(TaskFilter filter, int most, bool isHurried, CancellationToken stopping) => AskedAsync(filter, async () =>
    {
        var asking = Ask(filter);
        if (asking.Sieve is not null) return await CountSiftedAsync(filter, asking, most, isHurried, stopping);
        var search = new Search { States = filter.States, OfKeys = asking.Keys is not null };
        var began = TimeProvider.System.GetTimestamp();
        var walk = default(Walk);
        var count = 0L;
        while (true)
        {
            count += await database.LookAsync(async unit =>
            {
                walk ??= await WalkAsync(unit, asking, search, null);
                await BoundAsync(unit, walk);
                // One more than is to be told: then it is known that there are more.
                var statement = Filled(Sql.CountMatches(asking.Where, asking.Filter, walk.Search), walk).With("want", most + 1 - count);
                return (await unit.QueryAsync(statement, reader => reader.GetInt64(0)))[0];
            }, stopping, LookFor.Page);
            if (count > most) return new TaskCount(most, IsExact: false);
            if (walk!.Bound is not { } bound) return new TaskCount(count, IsExact: true);
            walk.Cursor = bound;
            if (isHurried && TimeProvider.System.GetElapsedTime(began) >= CountFor) return new TaskCount(count, IsExact: false);
        }
    }, stopping);

    private static readonly TaskQuery LatestFailures = new() { Filter = new TaskFilter { States = [TaskState.Failed] }, Order = TaskOrder.LatestEnd };

    /// <summary>The latest failures, newest first.</summary>
    /// <exception cref="TimeoutException">It takes too long.</exception>
    public Task<List<FailedRecord>> ReadFailuresAsync(int most, int characters, CancellationToken stopping) => AskedAsync(LatestFailures, () =>
    {
        var at = Table.Key.Count;
        var statement = ByKey(Sql.Failures).With("want", most).With("characters", characters);
        return database.LookAsync(unit => unit.QueryAsync(statement, reader => new FailedRecord(
            database.Dialect.Display(ReadKey(reader)), Moment(reader, at), TextOrNull(reader, at + 1))), stopping, LookFor.Page);
    }, stopping);

    /// <summary>A record in full; null where there is none of this key.</summary>
    public Task<TaskDetails?> DetailsAsync(TaskKey key, IReadOnlyCollection<string>? columns, CancellationToken stopping) =>
        AskedAsync(new TaskFilter { Keys = [] }, async () =>
        {
            var search = new Search { Values = ValuesOf(columns), Characters = WholeTexts, ValueCharacters = WholeTexts };
            var statement = ByKey(Sql.Details(search));
            database.Dialect.Bind(statement, Sql.KeyRows, [Row(key)]);
            var at = Table.Key.Count + InfoCells;
            var found = await database.LookAsync(unit => unit.QueryAsync(statement, reader => new TaskDetails(
                ReadListed(reader, search, generation: 1).Task, [])
            {
                MaxAttempts = Job.MaxAttempts,
                Generation = reader.IsDBNull(at) ? null : Convert.ToInt64(reader.GetValue(at), CultureInfo.InvariantCulture),
            }), stopping, LookFor.Page);
            return found.Count == 0 ? null : found[0];
        }, stopping);

    /// <summary>A way through the table by key.</summary>
    private sealed class Walk(Asking asking, Search search, TaskKey? cursor, bool isWindowed)
    {
        public Asking Asking => asking;

        /// <summary>What the next statement is like.</summary>
        public Search Search => search with { AfterCursor = Cursor is not null, ToBound = Bound is not null };

        public TaskKey? Cursor { get; set; } = cursor;

        /// <summary>Where the window ends; null: it is the last one.</summary>
        public TaskKey? Bound { get; set; }

        public bool IsWindowed => isWindowed;
    }

    private async Task<Walk> WalkAsync(Database.Unit unit, Asking asking, Search search, TaskKey? after)
    {
        if (search.IsOfFailed && asking.Keys is null && search.IsByKey && await HasFewFailedAsync(unit))
            return new Walk(asking, search with { OfFewFailed = true }, after, isWindowed: false);
        return new Walk(asking, search, after, asking.IsSelective(search));
    }

    private async Task BoundAsync(Database.Unit unit, Walk walk, int? window = null)
    {
        if (!walk.IsWindowed) return;
        walk.Bound = null;
        var statement = ByKey(Sql.Bound(walk.Search)).With("window", window ?? Window);
        if (walk.Cursor is { } cursor) database.Dialect.BindCursor(statement, cursor);
        var keys = await unit.QueryAsync(statement, ReadKey);
        walk.Bound = keys.Count == 0 ? null : keys[0];
    }

    private async Task<bool> HasFewFailedAsync(Database.Unit unit)
    {
        if (failedIndex.At == 0 || TimeProvider.System.GetElapsedTime(failedIndex.At) >= LookForIndexEvery)
        {
            var isThere = await database.Dialect.HasIndexAsync(unit, Table.Table.Schema, Schema.FailedIndexName(Table), unit.Stopping);
            failedIndex = (isThere, TimeProvider.System.GetTimestamp());
        }
        if (!failedIndex.Is) return false;
        return (await unit.QueryAsync(ByKey(Sql.CountFailed).With("want", FewFailed + 1), reader => reader.GetInt64(0)))[0] <= FewFailed;
    }

    private Statement PageStatement(Walk walk, int want, string? moment)
    {
        var statement = Filled(Sql.Page(walk.Asking.Where, walk.Asking.Filter, walk.Search), walk).With("want", want);
        return moment is null ? statement : statement.With("moment", moment);
    }

    private Statement Filled(string text, Walk walk)
    {
        var statement = ByKey(text);
        statement.Parameters.AddRange(walk.Asking.Parameters);
        if (walk.Asking.Keys is { } keys) database.Dialect.Bind(statement, Sql.KeyRows, [.. keys.Select(k => Row(k))]);
        if (walk.Search.OfFewFailed) statement.With("most", FewFailed + 1);
        if (walk.Cursor is { } cursor) database.Dialect.BindCursor(statement, cursor);
        if (walk.Bound is { } bound) database.Dialect.BindCursor(statement, bound, "bound");
        return statement;
    }

    private (string? Moment, TaskKey? After) Cursor(TaskQuery query)
    {
        if (query.After is not { } text) return (null, null);
        if (Search.IsKeyOrder(query.Order)) return (null, RequireKey(text));
        var parts = KeyText.Split(text);
        if (parts.Count != Table.Key.Count + 1) throw Sql.Fault($"'{text}' is no place in this order: give {nameof(TaskPage.Next)} of the page before");
        return (parts[0], new TaskKey([.. parts.Skip(1).Select((p, i) => database.Dialect.ParseKeyPart(p, Table.Key[i]))]));
    }

    private string NextOf(Listed last, TaskOrder order) => MomentOf(last, order) is { } moment
        ? KeyText.Join([moment, .. last.Key.Parts().Select(database.Dialect.Display)])
        : database.Dialect.Display(last.Key);

    // The time by which they come, as the database wrote it.
    private static string? MomentOf(Listed of, TaskOrder order) => order switch
    {
        TaskOrder.LatestEnd => of.EndedAt,
        TaskOrder.LongestRunning => of.StartedAt,
        _ => null,
    };

    private const int InfoCells = 7;

    private readonly record struct Listed(TaskInfo Task, TaskKey Key, string? StartedAt, string? EndedAt);

    private Listed ReadListed(DbDataReader reader, Search search, int generation = 0)
    {
        var info = ReadInfo(reader);
        var at = Table.Key.Count + InfoCells + generation;
        return new Listed(info with
        {
            Error = Cut(info.Error, search.Characters),
            Values = search.Values.Count == 0 ? [] : [.. search.Values.Select((c, i) => ReadValue(c, TextOrNull(reader, at + i), search.ValueCharacters))],
        }, ReadKey(reader), TextOrNull(reader, Table.Key.Count + 4), TextOrNull(reader, Table.Key.Count + 5));
    }

    private static TaskValue ReadValue(ColumnInfo column, string? text, int most) => new(column.Name, Cut(text, most), text?.Length > most);

    private static string? Cut(string? text, int most) => text is null || text.Length <= most ? text : $"{ErrorText.Sanitise(text[..(most - 1)], most)}…";
}
