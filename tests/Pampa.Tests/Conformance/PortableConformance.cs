using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

public sealed class PortableConformance : StoreConformance
{
    private protected override Engine Engine => Engine.Portable;

    private protected override TableProfile Profile { get; } = TableProfile.Hostile(onSqlite: false);
}
