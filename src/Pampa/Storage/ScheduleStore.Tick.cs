using System.Data.Common;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>The program's own code for a tick has thrown, has done what it must not, or takes too long.</summary>
internal sealed class TickCodeException(string message, Exception? innerException = null) : Exception(message, innerException);

/// <summary>A commit was not answered: only the database's rows tell whether it took effect.</summary>
internal sealed class TickInDoubtException(Exception innerException) : Exception(innerException.Message, innerException);

/// <summary>The work of a tick, in one transaction with the row that says that it is done.</summary>
internal sealed partial class ScheduleStore
{
    private const int MaxRuns = 10;
    private static readonly TimeSpan ClaimDeadline = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Does a tick and marks it as done, both or neither. Returns how many rows its statements changed; null: somebody else was first, or it
    /// is paused, or the term is over, and nothing has happened.
    /// </summary>
    public Task<int?> TickAsync(DbDataSource source, ScheduleDefinition schedule, ScheduleTick tick, string seen, LeaseTerm lease, CancellationToken stopping)
    {
        var done = $"done_tick = {At("@tick")}, done_at = {Dialect.Now}, ";
        return WorkAsync(source, schedule, tick, () => Claim(done, schedule.Name, seen, tick.At, tick.Missed, lease), stopping);
    }

    /// <summary>
    /// The same beside the regular ticks, for a command with an id of its own. Null: this very command has done it already.
    /// </summary>
    public Task<int?> RunAsync(DbDataSource source, ScheduleDefinition schedule, ScheduleTick tick, string id, CancellationToken stopping) =>
        WorkAsync(source, schedule, tick, () => Of($"""
            INSERT INTO pampa_schedule_run (cluster, id, name, ran_at) VALUES (@cluster, @id, @name, {Dialect.Now}) ON CONFLICT (cluster, id) DO NOTHING
            """, schedule.Name).With("id", id), stopping);

    /// <summary>Throws away what commands of another day have left.</summary>
    public Task ForgetRunsAsync(CancellationToken stopping) =>
        database.ExecuteAsync(new Statement($"DELETE FROM pampa_schedule_run WHERE cluster = @cluster AND ran_at < {Dialect.NowPlus("-86400")}")
        { MayRunTwice = true }.With("cluster", cluster), stopping);

    /// <summary>Lets the database read a schedule's statements without running any; those that it can only run are passed by.</summary>
    public async Task ProbeAsync(ScheduleDefinition schedule, CancellationToken stopping)
    {
        var tick = schedule.Sample;
        foreach (var step in schedule.Steps)
        {
            if (step.Statement is null || Rendered(schedule, step.Statement, tick) is not { } statement || !IsPlannable(statement.Text)) continue;
            var look = new Statement($"EXPLAIN {statement.Text}");
            look.Parameters.AddRange(statement.Parameters);
            await database.UnitAsync(async unit =>
            {
                unit.RollBack();
                return await unit.QueryAsync(look, _ => true);
            }, stopping);
        }
    }

    /// <summary>
    /// Whether an error says that the database cannot be reached or cannot serve now. Not where it has ended a statement that took longer than
    /// it allows: that is the tick's own failure.
    /// </summary>
    public bool IsAway(Exception error) => Dialect.Classify(error) == ErrorKind.Infrastructure && !Dialect.IsStatementTimeout(error);

    private static bool IsPlannable(string statement)
    {
        var text = statement.AsSpan().Trim().TrimEnd(';');
        if (text.Contains(';')) return false;
        foreach (var word in (string[])["INSERT", "UPDATE", "DELETE", "SELECT", "WITH", "MERGE", "UPSERT"])
        {
            if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private async Task<int?> WorkAsync(DbDataSource source, ScheduleDefinition schedule, ScheduleTick tick, Func<Statement> claim, CancellationToken stopping)
    {
        for (var run = 1; ; run++)
        {
            try
            {
                // Who was overtaken once is not overtaken again, where the database can see to that.
                return await OnceAsync(source, schedule, tick, claim(), isAlone: schedule.IsPlain || run > 1, stopping);
            }
            catch (Exception e) when (run < MaxRuns && IsConflict(e))
            {
                await database.PauseAsync(run, stopping);
            }
        }
    }

    private async Task<int?> OnceAsync(
        DbDataSource source, ScheduleDefinition schedule, ScheduleTick tick, Statement claim, bool isAlone, CancellationToken stopping)
    {
        await using var transaction = await TaskTransaction.BeginAsync(Dialect, source, isAlone, stopping);
        // Statements are quick: who comes second waits here and runs none. Code may take its time, and must not hold up whoever wants to pause
        // the schedule, nor on SQLite everybody, for so long.
        if (schedule.IsPlain && await ClaimAsync() == 0) return null;
        var changed = 0;
        foreach (var step in schedule.Steps) changed += await StepAsync(transaction, schedule, step, tick);
        if (!schedule.IsPlain && await ClaimAsync() == 0) return null;
        stopping.ThrowIfCancellationRequested();
        try
        {
            await transaction.CommitAsync();
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Infrastructure)
        {
            throw new TickInDoubtException(e);
        }
        database.Answered?.Invoke();
        return changed;

        Task<int> ClaimAsync() => database.ExecuteWithinAsync(transaction, claim, ClaimDeadline, stopping);
    }

    private async Task<int> StepAsync(TaskTransaction transaction, ScheduleDefinition schedule, TickStep step, ScheduleTick tick)
    {
        if (step.Statement is { } make)
            return Math.Max(0, await database.ExecuteWithinAsync(transaction, Rendered(schedule, make, tick), schedule.MaxDuration, tick.CancellationToken));
        try
        {
            await step.Code!(tick, transaction.Connection, transaction.Transaction);
        }
        catch (Exception e)
        {
            throw new TickCodeException($"its code throws {e.GetType().Name}: {e.Message}", e);
        }
        if (!transaction.IsConnected || !transaction.IsOpen)
            throw new TickCodeException("its code must leave its connection and its transaction open, for the tick is marked as done in it; it has ended one of them. Take that out: return to commit, throw to undo");
        return 0;
    }

    private Statement Rendered(ScheduleDefinition schedule, Func<ScheduleTick, Sql> make, ScheduleTick tick)
    {
        var parameters = new List<(string Name, object? Value)>();
        string text;
        try
        {
            text = make(tick).Render("tick", parameters);
        }
        catch (Exception e)
        {
            throw new SnippetException($"the function that makes its statement throws {e.GetType().Name}: {e.Message}", e);
        }
        var statement = new Statement(text) { Deadline = schedule.MaxDuration };
        foreach (var (name, value) in parameters) statement.With(name, Storable(value));
        return statement;
    }

    // PostgreSQL's driver takes moments in UTC only; on SQLite they are texts, and better of one kind.
    private object? Storable(object? value) => value is not DateTimeOffset moment ? value
        : Dialect is SqliteDialect ? Text(moment) : moment.ToUniversalTime();

    // Whoever else is at work was first, and nothing has happened: also where it is the program's code that has met it.
    private bool IsConflict(Exception error)
    {
        for (var e = error is TickInDoubtException ? null : error; e is not null; e = e.InnerException)
        {
            if (e is not DbException) continue;
            var kind = Dialect.Classify(e);
            if (kind == ErrorKind.Retry || (kind == ErrorKind.Locked && Dialect.HasSingleWriter)) return true;
        }
        return false;
    }
}
