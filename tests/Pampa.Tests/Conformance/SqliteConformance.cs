using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

public sealed class SqliteConformance : StoreConformance
{
    private protected override Engine Engine => Engine.Sqlite;

    private protected override TableProfile Profile => TableProfile.Numbers;
}

public sealed class SqliteHostileConformance : StoreConformance
{
    private protected override Engine Engine => Engine.Sqlite;

    private protected override TableProfile Profile { get; } = TableProfile.Hostile(onSqlite: true);
}
