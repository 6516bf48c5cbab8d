using System.Data;
using System.Data.Common;

namespace Pampa.Storage;

/// <summary>
/// A connection of its own for the statement that new records wait for. What is set before each statement elsewhere stands for its whole
/// session, and what comes again is read by driver and server once: at the pace of an idle queue that saves a fifth of the statement's time.
/// </summary>
/// <param name="openAsync">Opens it; null: no connection leads to one server process for as long as it stands.</param>
/// <param name="dialect">The database.</param>
/// <param name="time">Time.</param>
internal sealed class KeptConnection(Func<CancellationToken, Task<DbConnection?>> openAsync, Dialect dialect, TimeProvider time)
{
    // One of each job, and a few forms of it: a program with two hundred jobs looks into each of them twice a second. Conditions of the program's may
    // be written anew each time: such a text comes once and is not prepared.
    private const int MostTexts = 1_000;

    // One that nobody has used for a while is not used again: somebody on the way may have cut it, without a word. And what is set for a role or
    // a database holds for sessions that begin after it.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);
    private readonly Lock gate = new();
    private Session? idle;
    private bool isClosed;

    /// <summary>Runs a statement in a transaction of its own. Null: it cannot be run here.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="text">Its text.</param>
    /// <param name="run">How long it may take, who reads what it returns, and who is told of an error of it, and not of the connection.</param>
    /// <param name="stopping">Gives up.</param>
    public async Task<T?> RunAsync<T>(Statement statement, string text, KeptRun<T> run, CancellationToken stopping) where T : class
    {
        if (dialect.SessionSettings(statement) is not { } settings) return null;
        var session = Take() ?? (await openAsync(stopping) is { } connection ? new Session(connection, dialect, time.GetTimestamp()) : null);
        if (session is null) return null;
        T result;
        try
        {
            result = await session.RunAsync(statement, text, settings, run, stopping);
        }
        catch (Exception e)
        {
            // A record that is locked, or that a rule of the table refuses, is no reason to begin a session anew.
            if (session.Survives(e)) GiveBack(session);
            else session.Dispose();
            if (e is DbException or TimeoutException) run.Failed(e);
            throw;
        }
        GiveBack(session);
        return result;
    }

    /// <summary>Closes the connection until the next statement, where none runs.</summary>
    public void LetGo()
    {
        lock (gate)
        {
            idle?.Dispose();
            idle = null;
        }
    }

    /// <summary>Closes it for good.</summary>
    public void Close()
    {
        lock (gate) isClosed = true;
        LetGo();
    }

    private Session? Take()
    {
        lock (gate)
        {
            var taken = idle;
            idle = null;
            if (taken is null) return null;
            if (time.GetElapsedTime(taken.UsedAt) <= LongestIdle && time.GetElapsedTime(taken.BeganAt) <= LongestLife) return taken;
            taken.Dispose();
            return null;
        }
    }

    private void GiveBack(Session session)
    {
        session.UsedAt = time.GetTimestamp();
        lock (gate)
        {
            if (idle is null && !isClosed) idle = session;
            else session.Dispose();
        }
    }

    /// <summary>One that is open.</summary>
    private sealed class Session(DbConnection connection, Dialect dialect, long now) : IDisposable
    {
        // Nobody knows what is set.
        private const string Unknown = "";
        private readonly Dictionary<string, Known> texts = new(StringComparer.Ordinal);
        private string? settings;

        public long BeganAt { get; } = now;

        public long UsedAt { get; set; } = now;

        /// <summary>Whether it can be used after an error: not where a plan or a prepared statement is out of date, or where nobody has answered.</summary>
        public bool Survives(Exception error)
        {
            settings = Unknown;
            return error is DbException { SqlState: not (null or "0A000" or "26000") } && connection.State == ConnectionState.Open;
        }

        public async Task<T> RunAsync<T>(Statement statement, string text, string wanted, KeptRun<T> run, CancellationToken stopping)
        {
            if (wanted == settings && await PreparedAsync(statement, text, stopping) is { } prepared)
            {
                prepared.CommandTimeout = Statement.Seconds(run.Deadline);
                for (var i = 0; i < prepared.Parameters.Count; i++) Statement.Fill(dialect, prepared.Parameters[i], statement.Parameters[i].Value);
                await using var reader = await prepared.ExecuteReaderAsync(stopping);
                return await run.ReadAsync(reader, stopping);
            }
            await using var batch = connection.CreateBatch();
            batch.Timeout = Statement.Seconds(run.Deadline);
            // What was set for another statement, that its commit need not wait for the disk, say, must not hold for this one.
            if (wanted != settings && settings is not null) Add("RESET ALL");
            if (wanted != settings) Add(wanted);
            var main = Add(text);
            statement.Bind(dialect, main.CreateParameter, main.Parameters);
            await using var results = await batch.ExecuteReaderAsync(stopping);
            // The first of them that returns rows is the setting, if there is one.
            if (wanted != settings) await results.NextResultAsync(stopping);
            var result = await run.ReadAsync(results, stopping);
            settings = wanted;
            return result;

            DbBatchCommand Add(string command)
            {
                var added = batch.CreateBatchCommand();
                added.CommandText = command;
                batch.BatchCommands.Add(added);
                return added;
            }
        }

        // What comes for the second time will come again. Of other types its parameters are another statement.
        private async Task<DbCommand?> PreparedAsync(Statement statement, string text, CancellationToken stopping)
        {
            if (texts.TryGetValue(text, out var known) && known.IsOf(statement))
            {
                if (known.Command is not null) return known.Command;
                var command = connection.CreateCommand();
                command.CommandText = text;
                statement.Bind(dialect, command.CreateParameter, command.Parameters);
                await command.PrepareAsync(stopping);
                texts[text] = known with { Command = command };
                return command;
            }
            if (known?.Command is { } other) await other.DisposeAsync();
            if (texts.Count >= MostTexts) ForgetSingle();
            if (known is not null || texts.Count < MostTexts) texts[text] = Known.Of(statement);
            return null;
        }

        // What has come once may not come again, and another one may.
        private void ForgetSingle()
        {
            foreach (var (text, known) in texts)
            {
                if (known.Command is null) texts.Remove(text);
            }
        }

        public void Dispose() => connection.Dispose();
    }

    /// <summary>A statement that has come before.</summary>
    /// <param name="Names">The names of its parameters.</param>
    /// <param name="Types">What they held.</param>
    /// <param name="Command">It, prepared; null: it has come once.</param>
    private sealed record Known(string[] Names, Type?[] Types, DbCommand? Command = null)
    {
        public static Known Of(Statement statement) =>
            new([.. statement.Parameters.Select(p => p.Name)], [.. statement.Parameters.Select(p => p.Value?.GetType())]);

        public bool IsOf(Statement statement)
        {
            var parameters = statement.Parameters;
            if (parameters.Count != Names.Length) return false;
            for (var i = 0; i < Names.Length; i++)
            {
                if (parameters[i].Name != Names[i] || parameters[i].Value?.GetType() != Types[i]) return false;
            }
            return true;
        }
    }
}

/// <summary>What goes with a statement on a connection that is kept.</summary>
/// <param name="Deadline">How long it may take.</param>
/// <param name="ReadAsync">Reads what it returns.</param>
/// <param name="Failed">Told of an error of the statement, before it is thrown.</param>
internal sealed record KeptRun<T>(TimeSpan Deadline, Func<DbDataReader, CancellationToken, Task<T>> ReadAsync, Action<Exception> Failed);
