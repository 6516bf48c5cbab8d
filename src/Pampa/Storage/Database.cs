using System.Data.Common;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Reads: outside of a transaction, or as a part of one.</summary>
internal interface IReader
{
    Task<List<T>> QueryAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping);
}

/// <summary>What a look from outside is for.</summary>
internal enum LookFor
{
    /// <summary>Catalogs, counts, anything.</summary>
    Any,

    /// <summary>Records by their keys or in the job's order, as Pampa's own statements find them.</summary>
    Keys,

    /// <summary>The same, and whether a record can be locked.</summary>
    Lock,

    /// <summary>A statement of the program's own, which has as long as one of Pampa's.</summary>
    Selection,

    /// <summary>Records by their keys, for somebody who waits for a page of them.</summary>
    Page,
}

/// <summary>
/// The only door to a database: opens connections, binds parameters, gives every call a deadline and repeats what the
/// database says had no effect.
/// </summary>
internal sealed partial class Database(DbDataSource source, Dialect dialect, TimeProvider time, Random random) : IReader, IAsyncDisposable
{
    /// <summary>The key under which an error of the database carries the text of its statement.</summary>
    public const string FailedStatement = "Pampa.Statement";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan LongestSelection = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(5);

    /// <summary>How long a statement may take that somebody waits for.</summary>
    public static readonly TimeSpan LongestPage = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan NoRepeats = TimeSpan.FromSeconds(-1);
    private readonly SemaphoreSlim writer = new(1, 1);

    // On SQLite each try waits long by itself; elsewhere a transaction of several statements may be unlucky often.
    private int MaxRepeats => dialect.HasSingleWriter ? 12 : 50;

    public Dialect Dialect => dialect;

    public DbDataSource Source => source;

    public TimeProvider Time => time;

    /// <summary>Called whenever the database has answered.</summary>
    public Action? Answered { get; set; }

    /// <summary>Called with whatever goes wrong, before it is thrown.</summary>
    public Action<Exception>? Failed { get; set; }

    /// <summary>
    /// Applied to each text before it is run; tests take guards out with it, to prove that none is idle.
    /// </summary>
    public Func<string, string>? Rewrite { get; init; }

    /// <summary>Runs a statement that changes nothing.</summary>
    public Task<List<T>> QueryAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping) =>
        RepeatAsync(connection => RunAsync(connection, null, statement, map, stopping), writes: false, stopping);

    /// <summary>Runs one statement in a transaction of its own.</summary>
    public Task<List<T>> WriteAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping) =>
        statement.IsAwaited && kept is not null
            ? RepeatAsync(() => RunKeptAsync(statement, map, stopping), writes: true, statement.MayRunTwice, stopping)
            : RepeatAsync(connection => RunAsync(connection, null, statement, map, stopping), writes: true, stopping, statement.MayRunTwice);

    /// <summary>Runs one statement and says how many rows it changed.</summary>
    public Task<int> ExecuteAsync(Statement statement, CancellationToken stopping) =>
        RepeatAsync(
            connection => ReadAsync(connection, null, statement, CountAsync, Deadline, stopping, dialect.Preamble(statement)), writes: true, stopping,
            statement.MayRunTwice);

    /// <summary>
    /// Runs one statement on this very thread from beginning to end, so that it needs nobody else's thread: for
    /// heartbeats.
    /// </summary>
    public List<T> WriteNow<T>(Statement statement, Func<DbDataReader, T> map)
    {
        using var pause = new ManualResetEventSlim();
        for (var repeat = 1; ; repeat++)
        {
            try
            {
                return OnceNow(statement, map);
            }
            catch (Exception e) when (repeat < MaxRepeats && !dialect.HasSingleWriter && MayRepeat(e, statement.MayRunTwice))
            {
                pause.Wait(Pause(repeat));
            }
        }
    }

    private List<T> OnceNow<T>(Statement statement, Func<DbDataReader, T> map)
    {
        if (dialect.HasSingleWriter && !writer.Wait(Deadline)) throw NoTurn();
        try
        {
            using var connection = source.OpenConnection();
            using var command = connection.CreateCommand();
            command.CommandText = statement.Text;
            // A file that is locked is worth waiting for; a connection that does not answer is not, for the next one may.
            var deadline = dialect.HasSingleWriter ? Deadline : statement.Deadline ?? Deadline;
            command.CommandTimeout = Statement.Seconds(deadline);
            statement.Bind(dialect, command.CreateParameter, command.Parameters);
            using var reader = command.ExecuteReader();
            var rows = new List<T>();
            while (reader.Read()) rows.Add(map(reader));
            Answered?.Invoke();
            return rows;
        }
        catch (Exception e)
        {
            if (e is DbException) Note(e, statement);
            Notice(e);
            throw;
        }
        finally
        {
            if (dialect.HasSingleWriter) writer.Release();
        }
    }

    /// <summary>Runs several statements as one unit; on SQLite it holds the write lock from the beginning.</summary>
    /// <param name="steps">The statements. A unit that the server cuts off is begun anew.</param>
    /// <param name="stopping">Gives up.</param>
    /// <param name="isLong">Whether a statement of it is the user's own, or changes the schema, and may take as long as its deadline lets it.</param>
    public Task<T> UnitAsync<T>(Func<Unit, Task<T>> steps, CancellationToken stopping, bool isLong = false) =>
        RepeatAsync(async connection =>
        {
            // SQLite's provider begins IMMEDIATE: a read that is upgraded later could not be made to wait.
            await using var transaction = await connection.BeginTransactionAsync(dialect.UnitIsolation, stopping);
            var unit = new Unit(this, connection, transaction, stopping, isLong ? null : dialect.UnitPreamble);
            var result = await steps(unit);
            if (unit.IsRolledBack) await transaction.RollbackAsync(stopping);
            else await transaction.CommitAsync(stopping);
            return result;
        }, writes: true, stopping);

    /// <summary>
    /// Runs the last statement of a handler's transaction, once: only the whole transaction can be repeated. From here to
    /// its end it has the same limits as any statement of ours.
    /// </summary>
    public async Task<List<T>> WriteLastAsync<T>(TaskTransaction within, Statement statement, Func<DbDataReader, T> map, CancellationToken stopping)
    {
        // What SQLite waits for it waits for by itself; what its driver repeats for as long as it may is a snapshot that is too old for good.
        var deadline = dialect.HasSingleWriter ? NoRepeats : Deadline;
        try
        {
            var rows = await ReadAsync(within.Connection, within.Transaction, statement, (reader, token) => RowsAsync(reader, map, token), deadline, stopping,
                dialect.Preamble(statement));
            Answered?.Invoke();
            return rows;
        }
        catch (Exception e)
        {
            Notice(e);
            throw;
        }
    }

    /// <summary>
    /// Runs a statement of a tick's or a task's own transaction, once, with no limits but its deadline (null: that of any statement): what follows
    /// in the transaction must not have them. Returns how many rows it changed.
    /// </summary>
    public Task<int> ExecuteWithinAsync(TaskTransaction within, Statement statement, TimeSpan? deadline, CancellationToken stopping) =>
        ReadAsync(within.Connection, within.Transaction, statement, CountAsync, dialect.HasSingleWriter ? NoRepeats : deadline ?? Deadline, stopping);

    /// <summary>
    /// Runs reads as one unit that changes nothing and whose statements end soon: for a look at what others work on. Whatever it does is
    /// rolled back.
    /// </summary>
    public Task<T> LookAsync<T>(Func<Unit, Task<T>> look, CancellationToken stopping, LookFor what = LookFor.Any) =>
        RepeatAsync(async connection =>
        {
            await using var transaction = await dialect.BeginLookAsync(connection, stopping);
            var unit = new Unit(this, connection, transaction, stopping);
            var isOurs = what is LookFor.Keys or LookFor.Lock or LookFor.Page;
            if (isOurs && dialect.Preamble(new Statement("") { IsByKey = true }) is { } settings) await unit.ExecuteAsync(new Statement(settings));
            var longest = what == LookFor.Page ? LongestPage : LongestLook;
            foreach (var limit in dialect.LookLimits(mayLock: what == LookFor.Lock, longest)) await unit.ExecuteAsync(new Statement(limit));
            var seen = what switch
            {
                LookFor.Selection => await LimitedAsync(connection, unit, look, stopping),
                LookFor.Page => await InterruptedAsync(connection, () => look(unit), longest, stopping),
                _ => await look(unit),
            };
            await transaction.RollbackAsync(stopping);
            return seen;
        }, writes: false, stopping);

    private async Task<T> LimitedAsync<T>(DbConnection connection, Unit unit, Func<Unit, Task<T>> look, CancellationToken stopping)
    {
        if (dialect.Preamble(new Statement("")) is { } limits) await unit.ExecuteAsync(new Statement(limits));
        return await InterruptedAsync(connection, () => look(unit), LongestSelection, stopping);
    }

    private async Task<T> InterruptedAsync<T>(DbConnection connection, Func<Task<T>> look, TimeSpan longest, CancellationToken stopping)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var interrupting = end.Token.Register(() => dialect.Interrupt(connection));
        end.CancelAfter(longest);
        return await look();
    }

    /// <summary>
    /// Runs one statement that must not stand in a transaction, with nothing before it. Once: what is left of a failed one may stand in
    /// the way of the next, unless the database's own transactions take care of that.
    /// </summary>
    public Task<int> RunAloneAsync(Statement statement, TimeSpan deadline, CancellationToken stopping)
    {
        return dialect.HasTransactionalDdl
            ? OnceAsync(() => ConnectedAsync(RunAsync, stopping), writes: true, stopping)
            : RepeatAsync(RunAsync, writes: true, stopping, statement.MayRunTwice);

        async Task<int> RunAsync(DbConnection connection)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = statement.Text;
            command.CommandTimeout = Statement.Seconds(deadline);
            try
            {
                return await command.ExecuteNonQueryAsync(stopping);
            }
            catch (DbException e)
            {
                Note(e, statement);
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        kept?.Close();
        await source.DisposeAsync();
        writer.Dispose();
        scanner.Dispose();
    }

    private Task<T> RepeatAsync<T>(Func<DbConnection, Task<T>> run, bool writes, CancellationToken stopping, bool mayRunTwice = false) =>
        RepeatAsync(() => ConnectedAsync(run, stopping), writes, mayRunTwice, stopping);

    private async Task<T> ConnectedAsync<T>(Func<DbConnection, Task<T>> run, CancellationToken stopping)
    {
        await using var connection = await source.OpenConnectionAsync(stopping);
        return await run(connection);
    }

    private async Task<T> RepeatAsync<T>(Func<Task<T>> run, bool writes, bool mayRunTwice, CancellationToken stopping)
    {
        for (var repeat = 1; ; repeat++)
        {
            try
            {
                return await OnceAsync(run, writes, stopping);
            }
            catch (Exception e) when (repeat < MaxRepeats && MayRepeat(e, mayRunTwice))
            {
                await PauseAsync(repeat, stopping);
            }
        }
    }

    /// <summary>Waits a little before what had no effect is tried again, and longer each time.</summary>
    public Task PauseAsync(int repeat, CancellationToken stopping) => Task.Delay(Pause(repeat), time, stopping);

    private TimeSpan Pause(int repeat) => TimeSpan.FromMilliseconds(5 * repeat * (1 + random.NextDouble()));

    private bool MayRepeat(Exception error, bool mayRunTwice) => dialect.IsCutOff(error) || dialect.Classify(error) switch
    {
        ErrorKind.Retry => true,
        // SQLite's lock is the whole file's: whoever holds it is done soon. A row lock is the caller's to work around.
        ErrorKind.Locked => dialect.HasSingleWriter,
        ErrorKind.Infrastructure => mayRunTwice && dialect.IsAmbiguous(error),
        _ => false,
    };

    private async Task<T> OnceAsync<T>(Func<Task<T>> run, bool writes, CancellationToken stopping)
    {
        var takesTurn = writes && dialect.HasSingleWriter;
        if (takesTurn && !await writer.WaitAsync(Deadline, stopping))
            throw NoTurn();
        try
        {
            var result = await run();
            Answered?.Invoke();
            return result;
        }
        catch (Exception e)
        {
            // An error is an answer too; and of those that wait for none each ends in its own time.
            Pulse.Beat();
            Notice(e);
            throw;
        }
        finally
        {
            if (takesTurn) writer.Release();
        }
    }

    private void Notice(Exception error)
    {
        dialect.Forget(source, error);
        // Where one connection is gone, the others may be, too.
        if (dialect.Classify(error) == ErrorKind.Infrastructure && !dialect.IsStatementTimeout(error)) LetGo();
        Failed?.Invoke(error);
    }

    /// <summary>Whether a statement took longer than it may; that a connection could not be had in time is something else.</summary>
    public static bool IsTimeout(Exception error) =>
        error is TimeoutException or DbException { InnerException: TimeoutException } && error.Data.Contains(FailedStatement);

    private TimeoutException NoTurn() => new($"{dialect.Name}: no turn to write within {Deadline.TotalSeconds} s.");

    private Task<List<T>> RunAsync<T>(
        DbConnection connection, DbTransaction? transaction, Statement statement, Func<DbDataReader, T> map, CancellationToken stopping) =>
        ReadAsync(connection, transaction, statement, (reader, token) => RowsAsync(reader, map, token), Deadline, stopping,
            transaction is null ? dialect.Preamble(statement) : null);

    private async Task<T> ReadAsync<T>(
        DbConnection connection, DbTransaction? transaction, Statement statement, Func<DbDataReader, CancellationToken, Task<T>> read,
        TimeSpan deadline, CancellationToken stopping, string? limits = null)
    {
        if (statement.Deadline < deadline) deadline = statement.Deadline.Value;
        try
        {
            if (limits is null)
            {
                await using var command = connection.CreateCommand();
                command.CommandText = Rewrite?.Invoke(statement.Text) ?? statement.Text;
                command.Transaction = transaction;
                command.CommandTimeout = Statement.Seconds(deadline);
                statement.Bind(dialect, command.CreateParameter, command.Parameters);
                await using var reader = await command.ExecuteReaderAsync(stopping);
                return await read(reader, stopping);
            }
            await using var batch = connection.CreateBatch();
            batch.Transaction = transaction;
            batch.Timeout = Statement.Seconds(deadline);
            var preamble = batch.CreateBatchCommand();
            preamble.CommandText = limits;
            batch.BatchCommands.Add(preamble);
            var main = batch.CreateBatchCommand();
            main.CommandText = Rewrite?.Invoke(statement.Text) ?? statement.Text;
            statement.Bind(dialect, main.CreateParameter, main.Parameters);
            batch.BatchCommands.Add(main);
            await using var results = await batch.ExecuteReaderAsync(stopping);
            await results.NextResultAsync(stopping);
            return await read(results, stopping);
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            Note(e, statement);
            throw;
        }
    }

    // For whoever tells of the error: where it was, and, where it is a right that is missing, what to do about it.
    private void Note(Exception error, Statement statement)
    {
        error.Data[FailedStatement] = statement.Text;
        error.Data[ErrorText.Remedy] = dialect.MissingRight(error, statement.Text, source.ConnectionString);
    }

    private static async Task<List<T>> RowsAsync<T>(DbDataReader reader, Func<DbDataReader, T> map, CancellationToken stopping)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(stopping)) rows.Add(map(reader));
        await FinishAsync(reader, stopping);
        return rows;
    }

    private static async Task<int> CountAsync(DbDataReader reader, CancellationToken stopping)
    {
        await FinishAsync(reader, stopping);
        return reader.RecordsAffected;
    }

    // An error that comes after the last row is still an error of the statement.
    private static async Task FinishAsync(DbDataReader reader, CancellationToken stopping)
    {
        while (await reader.NextResultAsync(stopping))
        {
        }
    }
}
