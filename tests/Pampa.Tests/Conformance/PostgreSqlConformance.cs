using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

public sealed class PostgreSqlConformance : StoreConformance
{
    private protected override Engine Engine => Engine.PostgreSql;

    private protected override TableProfile Profile => TableProfile.Numbers;
}
