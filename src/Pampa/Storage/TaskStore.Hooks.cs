using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>A function of the program's that is to make a statement for a hook has thrown, or its statement cannot be sent.</summary>
internal sealed class HookException(HookKind kind, Exception cause)
    : Exception($"{Hooks.NameOf(kind)} throws {cause.GetType().Name}: {cause.Message}", cause);

/// <summary>What the program does in the transactions in which records start, end and are made pending again.</summary>
internal sealed partial class TaskStore
{
    // The key under which an error of a hook's statement carries the hook's name.
    private const string FailedHook = "Pampa.Hook";

    /// <summary>Calls the program's code when something is committed; null: there is none, or nobody runs it here.</summary>
    public HookCalls? Calls { get; private set; }

    /// <summary>The program's own code has connections of its own from here on, and that of hooks is called.</summary>
    /// <param name="handlers">The connections.</param>
    /// <param name="log">Where is told what goes wrong.</param>
    /// <param name="time">Time.</param>
    public TaskStore Calling(DbDataSource handlers, ILogger log, TimeProvider time)
    {
        Handlers = handlers;
        if (!Job.Hooks.IsEmpty) Calls = new HookCalls(this, handlers, log, time);
        return this;
    }

    /// <summary>Whether an error is that of a hook's statement, or of the function that makes it.</summary>
    public static bool IsOfHook(Exception error) => error is HookException || error.Data.Contains(FailedHook);

    /// <summary>An error in the words of an attempt that has failed by it.</summary>
    public Exception Explained(Exception error) => error is HookException ? new InvalidOperationException($"Job '{Job.Name}': its {error.Message}", error.InnerException)
        : error.Data[FailedHook] is string hook ? new InvalidOperationException($"Job '{Job.Name}': the database refuses the statement of its {hook}", error)
        : error;

    /// <summary>
    /// T2 of one record and its hooks, all or nothing. Or T2 and the end at once, without hooks: an attempt that stood there as started
    /// would have the hook of its end when it is lost, and never had that of its start.
    /// </summary>
    private Task<List<StartedTask>> StartUnitAsync(
        JobTable table, Statement start, Func<StartedTask, TaskResult>? end, CancellationToken stopping) => database.UnitAsync(async unit =>
    {
        var started = await unit.WriteFirstAsync(start, reader => ReadStarted(table, reader));
        foreach (var task in started)
        {
            if (end is null) await RunHooksAsync(unit, HookKind.Starting, EventOf(task));
            else await unit.QueryAsync(FinishStatement([end(task)], skipLocked: false, isByKey: false), ReadKey);
        }
        return started;
    }, stopping);

    /// <summary>T3, T4, T5, T10, T11 of one record and its hooks, all or nothing.</summary>
    private Task<List<TaskKey>> FinishWithHooksAsync(TaskResult result, bool skipLocked, CancellationToken stopping) => database.UnitAsync(async unit =>
    {
        var settled = await unit.WriteFirstAsync(
            FinishStatement([result], skipLocked, isByKey: false), ReadKey);
        if (settled.Count > 0) await RunHooksAsync(unit, HookKind.Finished, EventOf(result));
        return settled;
    }, stopping);

    /// <summary>The hooks of a task that completes in a transaction of its own; the completion comes after them.</summary>
    public async Task RunHooksWithinAsync(TaskTransaction transaction, TaskResult result, CancellationToken stopping)
    {
        if (!Job.Hooks.HasStatements(HookKind.Finished)) return;
        var about = EventOf(result);
        foreach (var statement in StatementsOf(HookKind.Finished, about))
            await MarkedAsync(HookKind.Finished, () => database.ExecuteWithinAsync(transaction, statement, deadline: null, stopping));
    }

    /// <summary>What records that were taken back from lost workers have come to, with their hooks.</summary>
    private async Task<TakenBack> TakeBackAsync(Statement statement, CancellationToken stopping)
    {
        if (!Job.Hooks.Has(HookKind.Finished)) return Noted(await database.WriteAsync(statement, ReadVerdict, stopping));
        LostTasks lost;
        try
        {
            lost = await TakeBackAsync(statement, apart: false, stopping);
        }
        catch (Exception e) when (IsRefused(e))
        {
            lost = await TakeBackAsync(statement, apart: true, stopping);
        }
        foreach (var (about, error) in lost.Refused) Calls?.LeftOut(about, error);
        foreach (var about in lost.Events) Calls?.Tell(HookKind.Finished, about);
        return Noted(lost.Rows);
    }

    /// <summary>Records that were taken back, what hooks are told of them, and whose hook was refused.</summary>
    private sealed record LostTasks(List<TakenRow> Rows, List<TaskEvent> Events, List<(TaskEvent About, Exception Error)> Refused);

    private Task<LostTasks> TakeBackAsync(Statement statement, bool apart, CancellationToken stopping) => database.UnitAsync(async unit =>
    {
        var lost = new LostTasks(await unit.WriteFirstAsync(statement, ReadVerdict), [], []);
        var outcomes = lost.Rows.Where(v => v.Failed || v.Started).ToDictionary(v => v.Key, v => v.Failed ? TaskOutcome.Failed : TaskOutcome.Again);
        if (outcomes.Count > 0) lost.Events.AddRange(await ReadEventsAsync(unit, [.. outcomes.Keys], key => outcomes[key]));
        foreach (var about in lost.Events)
        {
            if (!apart) await RunHooksAsync(unit, HookKind.Finished, about);
            // Nobody's hook may keep records from being taken back, nor take those of others with it.
            else if (await RefusalAsync(unit, about) is { } refusal) lost.Refused.Add((about, refusal));
        }
        return lost;
    }, stopping);

    /// <summary>Runs the hooks of a record, which are undone where one is refused, and nothing else is.</summary>
    private async Task<Exception?> RefusalAsync(Database.Unit unit, TaskEvent about)
    {
        await unit.ExecuteAsync(new Statement("SAVEPOINT pampa_hook"));
        Exception? refusal = null;
        try
        {
            await RunHooksAsync(unit, HookKind.Finished, about);
        }
        catch (Exception e) when (IsRefused(e))
        {
            refusal = e;
            await unit.ExecuteAsync(new Statement("ROLLBACK TO SAVEPOINT pampa_hook"));
        }
        await unit.ExecuteAsync(new Statement("RELEASE SAVEPOINT pampa_hook"));
        return refusal;
    }

    // What is locked, away or does not fit may come right, and an end without its hook would not.
    private bool IsRefused(Exception error) => IsOfHook(error) && database.Dialect.Classify(error) == ErrorKind.Data;

    /// <summary>Makes records pending again, with their hooks. Returns their keys.</summary>
    private async Task<List<TaskKey>> RelaunchAsync(Statement statement, CancellationToken stopping)
    {
        List<TaskEvent> again = [];
        var keys = Job.Hooks.HasStatements(HookKind.Relaunched)
            ? await database.UnitAsync(async unit =>
            {
                var all = await unit.WriteFirstAsync(statement, ReadKey);
                again = await RunRelaunchedAsync(unit, all);
                return all;
            }, stopping)
            : await database.WriteAsync(statement, ReadKey, stopping);
        TellRelaunched(keys, again);
        return keys;
    }

    /// <summary>Runs the statements of hooks for records that are made pending again, in the transaction of that.</summary>
    private async Task<List<TaskEvent>> RunRelaunchedAsync(Database.Unit unit, List<TaskKey> keys)
    {
        if (keys.Count == 0 || !Job.Hooks.HasStatements(HookKind.Relaunched)) return [];
        var again = await ReadEventsAsync(unit, keys, _ => null);
        foreach (var one in again) await RunHooksAsync(unit, HookKind.Relaunched, one);
        return again;
    }

    /// <summary>Calls the code of hooks once that is committed.</summary>
    private void TellRelaunched(List<TaskKey> keys, List<TaskEvent> again)
    {
        if (Calls is not { } calls || !Job.Hooks.HasCode(HookKind.Relaunched)) return;
        if (again.Count == 0) again = keys.ConvertAll(key => new TaskEvent(Table, key));
        foreach (var one in again) calls.Tell(HookKind.Relaunched, one);
    }

    /// <summary>What is told of a task that starts.</summary>
    public static TaskEvent EventOf(StartedTask task) => new(task.Table, task.Fence.Key)
    {
        Worker = task.Fence.Worker,
        Attempt = task.Fence.Attempt,
        Record = new RecordValues(task.Table, task.Fence.Key, task.Values),
    };

    /// <summary>What is told of an attempt that has ended.</summary>
    public TaskEvent EventOf(TaskResult result) => new(result.Values?.Table ?? Table, result.Fence.Key)
    {
        Worker = result.Fence.Worker,
        Attempt = result.Fence.Attempt,
        Outcome = result.Outcome switch
        {
            Outcome.Completed => TaskOutcome.Completed,
            Outcome.Again => TaskOutcome.Again,
            Outcome.Failed => TaskOutcome.Failed,
            Outcome.Snoozed => TaskOutcome.Snoozed,
            _ => TaskOutcome.GivenBack,
        },
        Error = StoredError(result),
        Record = result.Values,
    };

    /// <summary>Reads the columns of a record that nobody has read yet.</summary>
    public async Task FillAsync(TaskEvent about, CancellationToken stopping)
    {
        if (about.Record is not null) return;
        var rows = await database.QueryAsync(RecordsStatement([about.RecordKey]), reader => ReadRecord(Table, reader), stopping);
        about.Record = rows.Count == 0 ? null : rows[0].Values;
    }

    private Statement RecordsStatement(IReadOnlyList<TaskKey> keys)
    {
        var statement = Statement(Sql.ReadRecords);
        database.Dialect.Bind(statement, Sql.KeyRows, [.. keys.Select(k => Row(k))]);
        return statement;
    }

    private async Task<List<TaskEvent>> ReadEventsAsync(Database.Unit unit, IReadOnlyList<TaskKey> keys, Func<TaskKey, TaskOutcome?> outcome)
    {
        var table = Table;
        var records = await unit.QueryAsync(RecordsStatement(keys), reader => ReadRecord(table, reader));
        return records.ConvertAll(record => new TaskEvent(table, record.Key)
        {
            Worker = record.Worker,
            Attempt = record.Attempt,
            Outcome = outcome(record.Key),
            Error = record.Error,
            Record = record.Values,
        });
    }

    private (TaskKey Key, string? Worker, int Attempt, string? Error, RecordValues Values) ReadRecord(JobTable table, DbDataReader reader)
    {
        var at = table.Key.Count;
        var key = ReadKey(reader);
        var values = new object?[table.RecordColumns.Count];
        for (var i = 0; i < values.Length; i++) values[i] = ReadValue(reader, at + 3 + i);
        return (key, TextOrNull(reader, at), reader.GetInt32(at + 1), TextOrNull(reader, at + 2), new RecordValues(table, key, values));
    }

    private async Task RunHooksAsync(Database.Unit unit, HookKind kind, TaskEvent about)
    {
        if (!Job.Hooks.HasStatements(kind)) return;
        if (about.Record is null && await unit.QueryAsync(RecordsStatement([about.RecordKey]), reader => ReadRecord(Table, reader)) is [var record])
            about.Record = record.Values;
        foreach (var statement in StatementsOf(kind, about)) await MarkedAsync(kind, () => unit.ExecuteAsync(statement));
    }

    // Each function is called when those before it have run.
    private IEnumerable<Statement> StatementsOf(HookKind kind, TaskEvent about)
    {
        foreach (var make in Job.Hooks.Statements(kind))
        {
            Statement? statement = null;
            try
            {
                if (make(about) is { } sql)
                {
                    var parameters = new List<(string Name, object? Value)>();
                    statement = new Statement(sql.Render("hook", parameters));
                    if (string.IsNullOrWhiteSpace(statement.Text))
                        throw new InvalidOperationException("its statement is empty; return null where there is nothing to do");
                    statement.Parameters.AddRange(parameters);
                }
            }
            catch (Exception e)
            {
                throw new HookException(kind, e);
            }
            if (statement is not null) yield return statement;
        }
    }

    // Whose error it is decides what becomes of it.
    private async Task MarkedAsync(HookKind kind, Func<Task> runAsync)
    {
        try
        {
            await runAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            e.Data[FailedHook] = Hooks.NameOf(kind);
            // Neither the database's nor the network's: a value that the driver cannot send, say.
            if (e is not DbException && database.Dialect.Classify(e) == ErrorKind.Other) throw new HookException(kind, e);
            throw;
        }
    }
}
