namespace Pampa.Mutations;

/// <summary>Tests that are run together.</summary>
/// <param name="Name">What people call them.</param>
/// <param name="By">The option that the runner of the tests picks them by.</param>
/// <param name="Value">Its value.</param>
internal sealed record Suite(string Name, string By, string Value)
{
    public static readonly Suite Simulation = new("simulation", "-namespace", "Pampa.Tests.Simulation");

    public static readonly Suite Scenarios = new("scenarios", "-namespace", "Pampa.Tests.Scenarios");

    /// <summary>On SQLite alone: the code in front of the statements is the same on every database.</summary>
    public static readonly Suite Conformance = new("conformance", "-class", "Pampa.Tests.Conformance.SqliteConformance");

    /// <summary>The scenarios of one class.</summary>
    public static Suite OfClass(string name) => new(name, "-class", $"Pampa.Tests.Scenarios.{name}");
}
