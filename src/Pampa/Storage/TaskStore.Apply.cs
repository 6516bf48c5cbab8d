using System.Data.Common;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>A record that somebody has chosen, as it was seen.</summary>
internal readonly record struct ChosenRecord(TaskKey Key, TaskState State, string? EndedAt, string? Worker, string? ReservedAt, int Attempts)
{
    /// <summary>When it was started; null: it was not.</summary>
    public string? StartedAt { get; init; }
}

/// <summary>What is chosen next, and how it goes on.</summary>
/// <param name="Records">The records, by key.</param>
/// <param name="Cursor">After which key to go on.</param>
/// <param name="IsLast">Whether there are no more.</param>
internal sealed record Choice(IReadOnlyList<ChosenRecord> Records, TaskKey? Cursor, bool IsLast);

/// <summary>Choosing records by what they are like, and changing them.</summary>
internal sealed partial class TaskStore
{
    /// <summary>The next records after a key that match and are in one of these states: at most so many, and of one window.</summary>
    public Task<Choice> ChooseAsync(TaskFilter filter, IReadOnlyCollection<TaskState> states, TaskKey? after, int most, CancellationToken stopping) =>
        AskedAsync(filter, async () =>
        {
            var asking = Ask(filter);
            var search = new Search { States = states, OfKeys = asking.Keys is not null, Characters = asking.Sieve is null ? 0 : WholeTexts };
            var at = Table.Key.Count + ChosenCells;
            var (found, cursor, isLast) = await database.LookAsync(async unit =>
            {
                var walk = await WalkAsync(unit, asking, search, after);
                await BoundAsync(unit, walk);
                var statement = Filled(Sql.Chosen(asking.Where, asking.Filter, walk.Search), walk).With("want", most);
                var seen = await unit.QueryAsync(statement, reader =>
                    (Record: ReadChosen(reader), Error: asking.Sieve is null ? null : Cut(TextOrNull(reader, at), WholeTexts)));
                return seen.Count == most ? (seen, seen[^1].Record.Key, false) : (seen, walk.Bound, walk.Bound is null);
            }, stopping, LookFor.Page);
            // That they have not changed since is guarded when they are changed, and with them the text.
            return new Choice([.. found.Where(f => asking.Sieve?.Passes(f.Error) != false).Select(f => f.Record)], cursor, isLast);
        }, stopping);

    private const int ChosenCells = 6;

    private ChosenRecord ReadChosen(DbDataReader reader)
    {
        var at = Table.Key.Count;
        return new ChosenRecord(ReadKey(reader), Enum.Parse<TaskState>(reader.GetString(at)), TextOrNull(reader, at + 1), TextOrNull(reader, at + 2),
            TextOrNull(reader, at + 3), reader.GetInt32(at + 4))
        { StartedAt = TextOrNull(reader, at + 5) };
    }

    /// <summary>
    /// Does it to records that were chosen, if they still are as they were seen and still match, and writes it down in the same
    /// transaction. All of them run, or none does. Returns the keys of those that were changed.
    /// </summary>
    public async Task<List<TaskKey>> ApplyAsync(
        TaskAction action, TaskFilter filter, IReadOnlyList<ChosenRecord> chosen, string? error, AuditNote note, CancellationToken stopping)
    {
        // What is cancelled or skipped had no attempt, and what only waits goes on with those it has: hooks are told of attempts, and of what runs again.
        var runsAgain = action is TaskAction.Retry or TaskAction.Relaunch;
        List<TaskEvent> again = [];
        var keys = await AskedAsync(filter, () => database.UnitAsync(async unit =>
        {
            // What is set for statements that find records by their keys would be set for the hooks, too.
            if (database.Dialect.UnitByKey is { } settings && !(runsAgain && Job.Hooks.HasStatements(HookKind.Relaunched)))
                await unit.ExecuteAsync(new Statement(settings));
            var changed = await unit.QueryAsync(ApplyStatement(action, filter, chosen, error), ReadKey);
            if (changed.Count == 0) return changed;
            await new AuditStore(database, cluster).WriteAsync(unit, note, changed.Count);
            // Of those that somebody has named each is told; of those that he has described, the audit tells how many.
            if (filter.Keys is not null)
            {
                var told = changed.ConvertAll(key => HistoryOf(key, note.Action) with { Who = note.Who, Text = note.Reason });
                await new HistoryStore(database, cluster).WriteAsync(unit, Job.Name, told);
            }
            if (runsAgain) again = await RunRelaunchedAsync(unit, changed);
            return changed;
        }, stopping), stopping);
        if (runsAgain) TellRelaunched(keys, again);
        return keys;
    }

    private Statement ApplyStatement(TaskAction action, TaskFilter filter, IReadOnlyList<ChosenRecord> chosen, string? error)
    {
        var parameters = new List<(string Name, object? Value)>();
        var condition = Sql.Filter(filter, parameters);
        var stops = action == TaskAction.Cancel && chosen is [{ State: TaskState.Running }, ..];
        var isOpen = action is TaskAction.Cancel or TaskAction.Skip or TaskAction.RunNow;
        var statement = ByKey(stops ? Sql.Stop(condition)
            : action == TaskAction.RunNow ? Sql.RunNow(condition)
            : isOpen ? Sql.Settle(condition, asCompleted: action == TaskAction.Skip)
            : Sql.RelaunchChosen(condition));
        statement.Parameters.AddRange(parameters);
        if (action == TaskAction.Cancel) statement.With("error", ErrorText.Sanitise(error ?? "", Table.ErrorLength));
        if (stops) database.Dialect.Bind(statement, Sql.StopRows, [.. chosen.Select(c => Row(c.Key, c.Worker, c.StartedAt, Text(c.Attempts)))]);
        else if (isOpen) database.Dialect.Bind(statement, Sql.SettleRows, [.. chosen.Select(c => Row(c.Key, c.Worker, c.ReservedAt, Text(c.Attempts)))]);
        else database.Dialect.Bind(statement, Sql.RelaunchRows, [.. chosen.Select(c => Row(c.Key, c.EndedAt, c.State.ToString()))]);
        return statement;
    }
}
