namespace Pampa.Mutations;

/// <summary>Tests that are run together.</summary>
/// <param name="Name">What people call them.</param>
/// <param name="Options">What the runner of the tests picks them by.</param>
internal sealed record Suite(string Name, params string[] Options)
{
    public static readonly Suite Simulation = new("simulation", "-namespace", "Pampa.Tests.Simulation");

    public static readonly Suite Scenarios = new("scenarios", "-namespace", "Pampa.Tests.Scenarios", "-namespace", "Pampa.Tests.Stretching");

    /// <summary>On SQLite alone: the code in front of the statements is the same on every database.</summary>
    public static readonly Suite Conformance = new("conformance", "-class", "Pampa.Tests.Conformance.SqliteConformance");

    /// <summary>The scenarios, or tests of the stretch, of one class.</summary>
    public static Suite OfClass(string name) => new(name, "-class", $"*.{name}");
}
