namespace Pampa.Storage;

/// <summary>How tables and indexes are made while they may be in use.</summary>
internal abstract partial class Dialect
{
    private static readonly RowSource TableNames = new("names", [new("_pampa_table", CellKind.Text)]);

    /// <summary>All tables of the database: their ids and their names.</summary>
    protected abstract string AllTables { get; }

    /// <summary>The ids of those tables that have one of these names, in whatever case and schema.</summary>
    public Task<List<string>> ReadIdsAsync(IReader database, IReadOnlyList<TableName> names, CancellationToken stopping)
    {
        var statement = new Statement(
            $"SELECT t.id FROM ({AllTables}) AS t WHERE lower(t.name) IN (SELECT lower(n._pampa_table) FROM ({Rows(TableNames)}) AS n)");
        Bind(statement, TableNames, [.. names.Select(n => new[] { n.Name })]);
        return database.QueryAsync(statement, row => row.GetString(0), stopping);
    }

    /// <summary>
    /// The statement that makes a table leave room on its pages, so that the updates of a record stay on its page and
    /// touch no index; null where there is no such thing.
    /// </summary>
    public virtual string? LeaveRoom(TableInfo table) => null;

    /// <summary>
    /// What a statement calls the place at which the version of a record stands that it sees; null: it has no name, or is not to be relied on.
    /// </summary>
    public virtual string? Place => null;

    /// <summary>Whether there is what is left of an index of that name whose building was cut short.</summary>
    public virtual Task<bool> HasInvalidIndexAsync(IReader database, string schema, string name, CancellationToken stopping) =>
        Task.FromResult(false);

    /// <summary>
    /// The indexes of a table that bring its records in the order of a column, each as the condition that its records meet, in the catalog's
    /// words; null for one of all records.
    /// </summary>
    public abstract Task<List<string?>> ReadOrdersAsync(IReader database, TableInfo table, string column, CancellationToken stopping);

    /// <summary>
    /// What stands for CREATE INDEX where the table may be in use, so that nobody has to wait for it; null where there is
    /// no such thing. It runs in no transaction.
    /// </summary>
    public virtual string? CreateIndexBesideWriters => null;

    /// <summary>
    /// A statement that makes those that follow in the transaction give up when a lock is not had soon; null where that
    /// is set otherwise.
    /// </summary>
    public virtual string? LimitLocks => null;

    /// <summary>The type of a new state column.</summary>
    public abstract string TypeOf(StateColumn column);
}
