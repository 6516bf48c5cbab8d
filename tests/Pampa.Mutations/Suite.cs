namespace Pampa.Mutations;

/// <summary>Tests that are run together.</summary>
/// <param name="Name">As the list of mutations calls them.</param>
/// <param name="Filter">What the runner of the tests picks them by.</param>
internal sealed record Suite(string Name, string[] Filter)
{
    public const string Conformance = "conformance";

    /// <summary>The conformance suite on SQLite alone: what it finds on one database it finds on each.</summary>
    public static IReadOnlyList<Suite> All { get; } =
    [
        new("simulation", ["-namespace", "Pampa.Tests.Simulation"]),
        new("scenarios", ["-namespace", "Pampa.Tests.Scenarios"]),
        new(Conformance, ["-class", "Pampa.Tests.Conformance.SqliteConformance"]),
    ];

    public static Suite Named(string name) => All.FirstOrDefault(s => s.Name == name)
        ?? throw new InvalidDataException($"There are no tests called '{name}', only {string.Join(", ", All.Select(s => s.Name))}.");
}
