using System.Data;
using Npgsql;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>
/// CockroachDB 22.2 and later: no SKIP LOCKED, no LISTEN, no advisory locks, few rows a statement so that the server can repeat it by
/// itself, and each statement that changes the schema in a transaction of its own.
/// </summary>
internal sealed class CockroachDbDialect(SqlClock? clock = null) : PostgreSqlDialect(clock)
{
    public override string Name => "CockroachDB";

    public override int MaxRows => 200;

    public override int MaxReserveRows => 200;

    // Its own default; the driver would ask for less.
    public override IsolationLevel UnitIsolation => IsolationLevel.Serializable;

    // It has no such settings.
    protected override string ByKey => "";

    protected override string OnePlan => "";

    protected override string Unflushed => "";

    protected override bool KeepsOne => false;

    // Nothing is written here as it would write it.
    protected override string Dates => "";

    // It has no advisory locks, and needs none: where two see what the other changes, one of them is repeated.
    protected override string TakeTurn(string turn) => "";

    public override Examiner Examiner => new CockroachDbExaminer(this);

    // It has no LISTEN.
    public override INotifications? Notifications => null;

    // It always builds beside writers.
    public override string? CreateIndexBesideWriters => null;

    public override string? LeaveRoom(TableInfo table) => null;

    public override string? Place => null;

    public override bool HasTransactionalDdl => false;

    public override RoleKind Roles => RoleKind.ByTable;

    // What it says of rights beforehand nobody has seen yet; a statement that is refused tells.
    public override Task<IReadOnlyList<string>> MissingRightsAsync(
        IReader database, IReadOnlyList<(string Table, string Right)> control, IReadOnlyList<JobTable> jobs, CancellationToken stopping) =>
        Task.FromResult<IReadOnlyList<string>>([]);

    public override string SkipLocked => "";

    protected override bool TravelsTyped => false;

    public override string RowsStep(RowSource source) => $"_pampa_v AS MATERIALIZED ({Rows(source)})";

    // It has no hashtext: four digits of another hash, with nothing that only one of the two knows.
    protected override string Hash(string text) =>
        $"({string.Join(" + ", Enumerable.Range(1, 4).Select(d => $"{1 << (16 - 4 * d)} * (strpos('0123456789abcdef', substr(md5({text}), {d}, 1)) - 1)"))})";

    // Nobody waits for a lock there: who changes a table waits until all servers know of it.
    public override string? LimitLocks => null;

    // The clocks of its servers may differ by half a second, and each judges leases by its own.
    public override TimeSpan LeaseMargin => TimeSpan.FromSeconds(2);

    // Each of its servers takes changes.
    protected override string? Target => null;

    public override Task<Dialect> OfServerAsync(string connectionString, CancellationToken stopping) => Task.FromResult<Dialect>(this);

    // Whoever has named it in the address knows what it is.
    public override Task<string?> MisfitAsync(IReader database, bool writes, CancellationToken stopping) => Task.FromResult<string?>(null);

    // Values that grow would all be written at the same place, by one server.
    public override string SpreadIndex(ColumnInfo first) => first.Kind == ColumnKind.Integer ? " USING HASH" : "";

    // It takes empty values for less than all others, in each index and each order.
    protected override string HasUsualOrder => "TRUE";

    // It has no function for that; and what is no date of this era is nothing to count from.
    protected override string IsFinite(string expression) => $"{expression} BETWEEN '0001-01-01' AND '9999-12-31'";

    // An index that is spread, a primary key too, has a column of the database's own before those that it was made of.
    protected override bool IsHidden(string column) => column.StartsWith("crdb_internal_", StringComparison.Ordinal);

    protected override ErrorKind ClassifyError(Exception error) => error switch
    {
        // A statement that was prepared before a column was given another type.
        PostgresException { SqlState: "0A000" } old when old.MessageText.Contains("cached plan", StringComparison.Ordinal) => ErrorKind.Retry,
        // What it does not know it will not know the next time.
        PostgresException { SqlState: "0A000" } => ErrorKind.Schema,
        _ => base.ClassifyError(error),
    };
}
