namespace Pampa.Mutations;

/// <summary>Tests that are run together.</summary>
/// <param name="Name">What people call them.</param>
/// <param name="Options">What the runner of the tests picks them by.</param>
internal sealed record Suite(string Name, params string[] Options)
{
    /// <summary>The project of the tests, below tests.</summary>
    public string Project { get; private init; } = "Pampa.Tests";

    public static readonly Suite Simulation = new("simulation", "-namespace", "Pampa.Tests.Simulation");

    public static readonly Suite Scenarios = new("scenarios", "-namespace", "Pampa.Tests.Scenarios", "-namespace", "Pampa.Tests.Stretching");

    /// <summary>On SQLite alone: the code in front of the statements is the same on every database.</summary>
    public static readonly Suite Conformance = new("conformance", "-class", "Pampa.Tests.Conformance.SqliteConformance");

    /// <summary>What the dashboard answers over HTTP: without a browser.</summary>
    public static readonly Suite Dashboard = new(
        "dashboard", "-class", "Pampa.Dashboard.Tests.Security.*", "-class", "*.OperationTests", "-class", "*.ProgramsTests", "-class", "*.SearchTests",
        "-class", "*.ServingTests", "-class", "*.WatchTests")
    {
        Project = "Pampa.Dashboard.Tests",
    };

    /// <summary>Those tests of the same project that are of one class.</summary>
    public Suite OfClass(string name) => new(name, "-class", $"*.{name}") { Project = Project };
}
