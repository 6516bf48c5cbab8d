using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pampa.Mutations;

/// <summary>One rule, and how it is taken out of the code.</summary>
/// <param name="Name">A few words.</param>
/// <param name="Rule">What holds no more without it.</param>
/// <param name="File">The file, relative to the root of the repository.</param>
/// <param name="Before">What stands there, in one place only; a line each.</param>
/// <param name="After">What stands there instead.</param>
internal sealed record Mutation(string Name, string Rule, string File, IReadOnlyList<string> Before, IReadOnlyList<string> After)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The class of scenarios, or of the dashboard's tests, that is known to find it, so that no other test need run.</summary>
    public string? First { get; init; }

    /// <summary>
    /// The tests of which one must find it: the simulation, the scenarios, and for the statements' own folder the
    /// conformance suite, which calls nothing above it; for the dashboard its own.
    /// </summary>
    public IReadOnlyList<Suite> Suites =>
        IsIn("src/Pampa.Dashboard/") ? [Suite.Dashboard]
        : [Suite.Simulation, Suite.Scenarios, .. IsIn("src/Pampa/Storage/") ? [Suite.Conformance] : Array.Empty<Suite>()];

    private bool IsIn(string folder) => File.StartsWith(folder, StringComparison.Ordinal);

    /// <summary>Of the rules that the chaos program must miss: the run that shows it.</summary>
    public ChaosOrder? Chaos { get; init; }

    /// <summary>The name of another rule that is taken out with it, because each of the two hides that the other one is missing.</summary>
    public string? With { get; init; }

    /// <summary>Why no test can find it, where another rule has the same effect; it is not tried then.</summary>
    public string? Implied { get; init; }

    /// <summary>All of them, from the list beside this program's source.</summary>
    public static IReadOnlyList<Mutation> Read(string path) =>
        JsonSerializer.Deserialize<List<Mutation>>(System.IO.File.ReadAllText(path), Json) ?? [];

    public bool Has(string text) =>
        new[] { Name, Rule, File }.Any(t => t.Contains(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>The text of the file without the rule. Null: what is to be replaced stands there not once.</summary>
    public string? ApplyTo(string text)
    {
        var before = string.Join('\n', Before);
        var at = text.IndexOf(before, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(before, at + 1, StringComparison.Ordinal) >= 0) return null;
        return text[..at] + string.Join('\n', After) + text[(at + before.Length)..];
    }
}
