using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

public sealed class PortableConformance : StoreConformance
{
    private protected override Engine Engine => Engine.Portable;

    private protected override TableProfile Profile { get; } = TableProfile.Hostile(onSqlite: false);
}

public sealed class ReadCommittedConformance : StoreConformance
{
    private protected override Engine Engine => Engine.ReadCommitted;

    private protected override TableProfile Profile => TableProfile.Numbers;
}

/// <summary>One statement of five is to be repeated: nobody may notice.</summary>
public sealed class RestartingConformance : StoreConformance
{
    private protected override Engine Engine => Engine.Restarting;

    private protected override TableProfile Profile => TableProfile.Numbers;
}
