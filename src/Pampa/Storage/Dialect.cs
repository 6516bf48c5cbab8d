using System.Data;
using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>What an error of the database means for the statement that met it.</summary>
internal enum ErrorKind
{
    /// <summary>Not known: a fault of the program or of the statement.</summary>
    Other,

    /// <summary>The statement had no effect and may be repeated as it is (serialization failure, deadlock).</summary>
    Retry,

    /// <summary>Somebody holds a lock on a row or on the database; the statement had no effect.</summary>
    Locked,

    /// <summary>A value or a rule of the user's table refuses the row.</summary>
    Data,

    /// <summary>
    /// The statement does not fit the database: a table, column or right is missing, or a user's condition is wrong.
    /// </summary>
    Schema,

    /// <summary>
    /// The database cannot be reached or cannot serve now; whether the statement took effect is not known.
    /// </summary>
    Infrastructure,
}

/// <summary>Which rights a database gives.</summary>
internal enum RoleKind
{
    /// <summary>It has no roles.</summary>
    None,

    /// <summary>By whole tables.</summary>
    ByTable,

    /// <summary>By columns, too.</summary>
    ByColumn,
}

/// <summary>A condition of the program's own, asked for its values, has thrown.</summary>
internal sealed class SnippetException(string message, Exception? innerException = null) : Exception(message, innerException);

/// <summary>
/// What differs between databases, and nothing else: names, times, rows as parameters, locks, errors. The statements
/// themselves stand once, in <see cref="JobSql"/>.
/// </summary>
internal abstract partial class Dialect
{
    public abstract string Name { get; }

    /// <summary>Rows that one statement may change.</summary>
    public virtual int MaxRows => Limits.StatementRows;

    /// <summary>Of a transaction of several statements.</summary>
    public virtual IsolationLevel UnitIsolation => IsolationLevel.Unspecified;

    /// <summary>Rows that one RESERVE may take.</summary>
    public virtual int MaxReserveRows => Limits.ReserveRows;

    /// <summary>
    /// Whether RESERVE and its hand-over are one statement; else they are the steps of one write transaction.
    /// </summary>
    public abstract bool ReservesInOneStatement { get; }

    /// <summary>
    /// Whether writers of one process must take turns, because the database has one writer at a time anyway.
    /// </summary>
    public virtual bool HasSingleWriter => false;

    /// <summary>Appended to a SELECT that picks rows of alias <c>t</c>: passes by rows that others hold.</summary>
    public abstract string SkipLocked { get; }

    /// <summary>The same for FINISH that has met a lock; empty where the database cannot.</summary>
    public virtual bool CanSkipLocked => SkipLocked.Length > 0;

    /// <summary>Whether NULL may stand in a primary key; such a record has no key and is never a task.</summary>
    public virtual bool KeysMayBeNull => false;

    /// <summary>
    /// A statement that precedes each one in the same round trip and limits it; null where that is set otherwise.
    /// </summary>
    public virtual string? Preamble(Statement statement) => null;

    /// <summary>The same for all that follows on a connection; null: it has to precede each one.</summary>
    public virtual string? SessionSettings(Statement statement) => null;

    /// <summary>
    /// The same before the first statement of a transaction of several of Pampa's own, for all of them and for the pauses between them.
    /// </summary>
    public virtual string? UnitPreamble => null;

    /// <summary>
    /// A statement that makes those after it in a transaction find their few records by their keys; null where none is needed.
    /// </summary>
    public virtual string? UnitByKey => null;

    /// <summary>Begins a transaction that only looks.</summary>
    public virtual ValueTask<DbTransaction> BeginLookAsync(DbConnection connection, CancellationToken stopping) =>
        connection.BeginTransactionAsync(stopping);

    /// <summary>
    /// What makes such a transaction change nothing and end soon. One that locks a record, in order to see whether that can be done,
    /// is rolled back instead.
    /// </summary>
    public virtual IReadOnlyList<string> LookLimits(bool mayLock, TimeSpan longest) => [];

    /// <summary>What there is to examine on this kind of database only.</summary>
    public abstract Examiner Examiner { get; }

    /// <summary>Messages to whoever listens; null where the database has no such thing.</summary>
    public virtual INotifications? Notifications => null;

    /// <summary>Connections for Pampa's own statements; with <paramref name="keeps"/> one more may be kept for what new records wait for.</summary>
    public abstract DbDataSource Open(string connectionString, string applicationName, int maxConnections, bool keeps = false);

    /// <summary>Connections for whatever else is run on them, and by whom.</summary>
    public virtual DbDataSource OpenPlain(string connectionString, string applicationName, int maxConnections) =>
        Open(connectionString, applicationName, maxConnections);

    /// <summary>Begins a transaction for a handler.</summary>
    /// <param name="connection">The handlers' connection.</param>
    /// <param name="isAlone">Whether nobody else shall write while it lasts, where it would have to be begun anew otherwise.</param>
    /// <param name="stopping">Gives up.</param>
    public virtual ValueTask<DbTransaction> BeginAsync(DbConnection connection, bool isAlone, CancellationToken stopping) =>
        connection.BeginTransactionAsync(UnitIsolation, stopping);

    /// <summary>Whether a transaction was neither committed nor rolled back.</summary>
    public virtual bool IsOpen(DbTransaction transaction)
    {
        try
        {
            // Drivers tell it by what they let one ask.
            return transaction.Connection is not null && Enum.IsDefined(transaction.IsolationLevel);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    public static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The moment of the transaction's start, as a value of the control tables.</summary>
    public abstract string Now { get; }

    /// <summary>The control tables' type for a moment.</summary>
    public abstract string MomentType { get; }

    /// <summary><see cref="Now"/> plus a number of seconds.</summary>
    public abstract string NowPlus(string seconds);

    /// <summary>The transaction's start as a value of a column, truncated to its precision.</summary>
    public abstract string NowFor(ColumnInfo column);

    /// <summary>The wall clock as a value of a column, truncated to its precision.</summary>
    public abstract string ClockFor(ColumnInfo column);

    /// <summary>The transaction's start plus a number of seconds, as a value of a column.</summary>
    public abstract string NowPlusFor(ColumnInfo column, string seconds);

    /// <summary>An instant that came as text with its offset, as a value of a column.</summary>
    public abstract string MomentFor(ColumnInfo column, string text);

    /// <summary>Stands behind a column whose NULLs come first in an order or an index.</summary>
    public virtual string NullsFirst => " NULLS FIRST";

    /// <summary>Whether a time is now or past; a NULL time is. Never NULL itself.</summary>
    public abstract string IsPast(string expression, ColumnInfo column);

    /// <summary>The same, for a time plus a number of seconds; a NULL time is not.</summary>
    public abstract string IsPastBy(string expression, ColumnInfo column, string seconds);

    /// <summary>
    /// The same, roughly and in a form that an index on the column serves: where it is not so, the time plus the seconds is
    /// not past. For a WHERE only; may be NULL.
    /// </summary>
    public abstract string MayBePastBy(string expression, ColumnInfo column, string seconds);

    /// <summary>
    /// A number from 0 to below 1 that follows from the values of some columns, and looks as if it were drawn.
    /// </summary>
    public abstract string Spread(IReadOnlyList<string> expressions);

    /// <summary>How many seconds ago a time was; NULL where it is none.</summary>
    public abstract string SecondsSince(string expression, ColumnInfo column);

    /// <summary>An expression as the text that travels back unchanged.</summary>
    public abstract string AsText(string expression);

    /// <summary>The nth (from 1) of a list of numbers that is a parameter; NULL past its end.</summary>
    public abstract string NumberAt(string parameter, string index);

    /// <summary>Adds a list of numbers for <see cref="NumberAt"/>.</summary>
    public abstract object Numbers(double[] values);

    /// <summary>A SELECT of the rows that travel as parameters.</summary>
    public abstract string Rows(RowSource source);

    /// <summary>The same as lists, one for each column, where <see cref="ReservesInOneStatement"/>.</summary>
    public virtual string Lists(RowSource source) => throw new NotSupportedException($"{Name} has no lists.");

    /// <summary>A cell of such a list as what its column is.</summary>
    public virtual string ListCell(string alias, RowColumn column) => throw new NotSupportedException($"{Name} has no lists.");

    /// <summary>The same as a step before a statement that reads it once, by the name <c>_pampa_v</c>.</summary>
    public virtual string RowsStep(RowSource source) => $"_pampa_v AS MATERIALIZED ({Rows(source)})";

    /// <summary>Binds the rows of a <see cref="RowSource"/>; cells stand in its columns' order.</summary>
    public abstract void Bind(Statement statement, RowSource source, IReadOnlyList<string?[]> rows);

    /// <summary>A part of the key after which picking goes on; bound by <see cref="BindCursor"/>.</summary>
    public abstract string CursorPart(int index, ColumnInfo column, string name = "cursor");

    public abstract void BindCursor(Statement statement, TaskKey key, string name = "cursor");

    /// <summary>
    /// How long before its end a lease is not trusted any more: for the way to the database, and for clocks of its servers that differ.
    /// </summary>
    public virtual TimeSpan LeaseMargin => TimeSpan.FromSeconds(1);

    /// <summary>
    /// The dialect of the server that answers at an address. Where none answers it throws: what it is, is not known then.
    /// </summary>
    public virtual Task<Dialect> OfServerAsync(string connectionString, CancellationToken stopping) => Task.FromResult(this);

    /// <summary>
    /// Why a server that has let this process in will not do: it is another kind than this dialect is for or, where it shall be changed, it
    /// takes no changes. A sentence and its remedy; null: it will do.
    /// </summary>
    public virtual Task<string?> MisfitAsync(IReader database, bool writes, CancellationToken stopping) => Task.FromResult<string?>(null);

    /// <summary>Whether an error says that the server is there, and lets nobody in just now.</summary>
    public virtual bool IsBusy(Exception error) => false;

    /// <summary>
    /// Closes the connections of a source that nobody uses, and those in use when they are given back, where an error says that it is the
    /// connection's own and that a new one may do better.
    /// </summary>
    public virtual void Forget(DbDataSource source, Exception error)
    {
    }

    /// <summary>
    /// What an error of a database that is out of reach or cannot serve comes from, and what mends that where it is known. One line each;
    /// no value of a record is in it.
    /// </summary>
    public virtual (string Cause, string? Remedy) Trouble(Exception error) => (error.Message.Split('\n', 2)[0].TrimEnd('\r', '.', ' '), null);

    /// <summary>The same when no connection can be made; it may look at the server for that.</summary>
    public virtual Task<(string Cause, string? Remedy)> TroubleAsync(Exception error, string connectionString, CancellationToken stopping)
    {
        while (error.InnerException is { } inner) error = inner;
        return Task.FromResult<(string, string?)>((error.Message.ReplaceLineEndings(" ").TrimEnd('.', ' '), null));
    }

    /// <summary>Stands behind the columns of an index whose values grow; empty where that does no harm.</summary>
    public virtual string SpreadIndex(ColumnInfo first) => "";

    /// <summary>Whether a CREATE and a row that records it can stand in one transaction.</summary>
    public virtual bool HasTransactionalDdl => true;

    /// <summary>Reads a key part as the text that goes back in a cell of kind <see cref="CellKind.Value"/>.</summary>
    public abstract string ReadKeyPart(DbDataReader reader, int ordinal, ColumnInfo column);

    /// <summary>Reads a key part that a statement of the program's own returns, as the text that goes back.</summary>
    public virtual string ReadNamedPart(DbDataReader reader, int ordinal, ColumnInfo column) => ReadKeyPart(reader, ordinal, column);

    /// <summary>Whether the types of an answer without rows are not known.</summary>
    public virtual bool KnowsNoTypes => false;

    /// <summary>The key part that people write as they see it in <see cref="Display(string)"/>.</summary>
    public abstract string ParseKeyPart(string text, ColumnInfo column);

    /// <summary>How a key part is selected for <see cref="ReadKeyPart"/>.</summary>
    public abstract string KeyOutput(string expression, ColumnInfo column);

    /// <summary>How a time that was just written is selected for <see cref="ReadTime"/>.</summary>
    public virtual string TimeOutput(string expression, ColumnInfo column) => AsText(expression);

    /// <summary>Reads a time that was just written: the text that <see cref="AsText"/> would give.</summary>
    public virtual string ReadTime(DbDataReader reader, int ordinal, ColumnInfo column) => reader.GetString(ordinal);

    /// <summary>Gives a parameter its value.</summary>
    public virtual void Fill(DbParameter parameter, object value) => parameter.Value = value;

    /// <summary>Encodes a value for a column, for a cell of kind <see cref="CellKind.Value"/>.</summary>
    /// <exception cref="InvalidCastException">The type cannot be stored; the text says which and what can.</exception>
    public abstract string? Encode(object? value, ColumnInfo column);

    // Half a surrogate pair has no UTF-8: the driver would refuse the whole statement, and with it the row's
    // neighbours.
    private protected static string WellFormed(string text, ColumnInfo column)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                throw new InvalidCastException($"column '{column.Name}': the text has half a surrogate pair at {i}, which no encoding can store");
            i++;
        }
        return text;
    }

    /// <summary>A key part for people.</summary>
    public abstract string Display(string keyPart);

    /// <summary>A key for people, who may give it back: see <see cref="KeyText"/>.</summary>
    public string Display(TaskKey key) => key.Count == 1 ? Display(key[0]) : KeyText.Join(key.Parts().Select(Display));

    /// <summary>What an error means.</summary>
    public ErrorKind Classify(Exception error) => error switch
    {
        SnippetException => ErrorKind.Schema,
        HookException => ErrorKind.Data,
        // A statement of the program's own is no fault of ours.
        _ => ClassifyError(error) is var kind && kind == ErrorKind.Other && error is DbException && TaskStore.IsOfHook(error) ? ErrorKind.Data : kind,
    };

    /// <summary>
    /// What a statement of the program's own did that only reading, and not for long, does not; null where that is not the error's
    /// cause. The same error at a statement of Pampa's means that the database is ill.
    /// </summary>
    public virtual string? Misuse(Exception error) => Database.IsTimeout(error) ? TookTooLong : null;

    protected const string TookTooLong = "takes longer than 30 s";

    /// <summary>Ends a statement that runs on a connection, where its driver does not do so by itself.</summary>
    public virtual void Interrupt(DbConnection connection)
    {
    }

    /// <summary>Whether an error says that the server itself does not know what became of the statement.</summary>
    public virtual bool IsAmbiguous(Exception error) => false;

    /// <summary>
    /// Whether an error says that a statement has taken longer than it may, or was cancelled: the server itself is well.
    /// </summary>
    public virtual bool IsStatementTimeout(Exception error) => false;

    /// <summary>Whether an error says that the server has undone a transaction because nothing came from its program for too long.</summary>
    public virtual bool IsCutOff(Exception error) => false;

    /// <summary>What an error of the database means.</summary>
    protected abstract ErrorKind ClassifyError(Exception error);

    /// <summary>Whether an error says that somebody else has made the same object at the same time.</summary>
    public abstract bool IsAlreadyThere(Exception error);

    /// <summary>Where the database is, for people: never a password.</summary>
    public abstract string Describe(string connectionString);

    /// <summary>What to look at when no connection can be made.</summary>
    public abstract string ConnectionRemedy { get; }

    /// <summary>
    /// What would let the user run a statement that was refused because he lacks a right; null where that is not the
    /// error's cause.
    /// </summary>
    public virtual string? MissingRight(Exception error, string statement, string connectionString) => null;

    /// <summary>Which rights can be given to whoever connects.</summary>
    public virtual RoleKind Roles => RoleKind.None;

    /// <summary>The rights that the user lacks, a line each with what to grant, as far as the database tells that beforehand.</summary>
    /// <param name="database">The database.</param>
    /// <param name="control">The rights that are needed on control tables.</param>
    /// <param name="jobs">The jobs, each with what is needed of its table.</param>
    /// <param name="stopping">Gives up.</param>
    public virtual Task<IReadOnlyList<string>> MissingRightsAsync(
        IReader database, IReadOnlyList<(string Table, string Right)> control, IReadOnlyList<JobTable> jobs, CancellationToken stopping) =>
        Task.FromResult<IReadOnlyList<string>>([]);

    private protected const string View =
        "is a view: a task is a record that can be locked, changed and found again by its key, and a view has none of its own. Name the table under it, and put the view's condition into Where";

    /// <summary>Reads a table from the catalog, or null where there is none of that name.</summary>
    public abstract Task<TableInfo?> ReadTableAsync(IReader database, TableName name, CancellationToken stopping);

    /// <summary>
    /// What there is instead of a table of that name, and what to do about it; null where there is nothing like it. It goes on after
    /// "table '…'".
    /// </summary>
    public abstract Task<string?> WhyNoTableAsync(IReader database, TableName name, CancellationToken stopping);

    /// <summary>The tables that the records of a partitioned table are in.</summary>
    public virtual Task<List<(string Schema, string Name)>> ReadPartitionsAsync(IReader database, TableInfo table, CancellationToken stopping) =>
        Task.FromResult(new List<(string, string)>());

    /// <summary>Whether there is an index of that name.</summary>
    public abstract Task<bool> HasIndexAsync(IReader database, string schema, string name, CancellationToken stopping);
}
