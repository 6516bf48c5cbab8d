namespace Pampa.Storage;

/// <summary>
/// CockroachDB, and PostgreSQL used as if it were one (the portable profile of the tests): no SKIP LOCKED, no LISTEN,
/// no advisory locks, few rows a statement so that the server can repeat it by itself.
/// </summary>
internal sealed class CockroachDbDialect(SqlClock? clock = null) : PostgreSqlDialect(clock)
{
    public override string Name => "CockroachDB";

    public override int MaxRows => 200;

    public override int MaxReserveRows => 200;

    // It has no such settings.
    protected override string ByKey => "";

    protected override string Unflushed => "";

    // It has no LISTEN.
    public override INotifications? Notifications => null;

    // It always builds beside writers.
    public override string? CreateIndexBesideWriters => null;

    public override string? LeaveRoom(TableInfo table) => null;

    public override bool HasTransactionalDdl => false;

    public override string SkipLocked => "";

    // It has no hashtext.
    protected override string Hash(string text) => $"('x' || substr(md5({text}), 1, 4))::bit(16)::int";
}
