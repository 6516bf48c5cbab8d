using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pampa.Tests.Tidy;

/// <summary>The list of rules that are taken out one by one fits the code, so that none is lost when the code changes.</summary>
public sealed class MutationListTests
{
    private const string Ordinary = "tests/Pampa.Mutations/mutations.json";
    private const string Chaos = "tests/Pampa.Mutations/chaos.json";

    private sealed record Entry(string Name, string? Rule, string File, string Before, string After, string? First, string? With);

    private static List<Entry> Entries(string path = Ordinary)
    {
        using var list = JsonDocument.Parse(new Source(path).Text);
        return [.. list.RootElement.EnumerateArray().Select(e => new Entry(
            e.GetProperty("name").GetString()!, e.TryGetProperty("rule", out var rule) ? rule.GetString() : null,
            e.GetProperty("file").GetString()!, Lines(e.GetProperty("before")), Lines(e.GetProperty("after")),
            e.TryGetProperty("first", out var first) ? first.GetString() : null,
            e.TryGetProperty("with", out var with) ? with.GetString() : null))];
    }

    private static string Lines(JsonElement lines) => string.Join('\n', lines.EnumerateArray().Select(l => l.GetString()));

    [Theory, InlineData(Ordinary), InlineData(Chaos)]
    public void Each_rule_stands_in_one_place(string path) => Sources.None(
        from entry in Entries(path)
        let times = Sources.Paths.Contains(entry.File) ? Regex.Count(new Source(entry.File).Text, Regex.Escape(entry.Before)) : 0
        where times != 1
        select $"{path}: '{entry.Name}': its text stands {times} times in {entry.File}",
        "Name the rule as the code has it now; where it is gone for good, take it out of the list.");

    [Theory, InlineData(Ordinary), InlineData(Chaos)]
    public void Each_rule_has_a_name_of_its_own_and_is_changed(string path) => Sources.None(
        from same in Entries(path).GroupBy(e => e.Name)
        where same.Count() > 1 || same.Any(e => e.Before == e.After)
        select $"{path}: '{same.Key}'",
        "A name stands for one rule, and a mutation takes something out.");

    // The program that takes them out reads none of them where one lacks it.
    [Theory, InlineData(Ordinary), InlineData(Chaos)]
    public void Each_says_what_the_rule_is(string path) => Sources.None(
        from entry in Entries(path)
        where string.IsNullOrWhiteSpace(entry.Rule)
        select $"{path}: '{entry.Name}'",
        "Say in a sentence what holds in the program as it is.");

    [Theory, InlineData(Ordinary), InlineData(Chaos)]
    public void A_rule_that_is_taken_out_with_another_is_there(string path)
    {
        var entries = Entries(path);
        Sources.None(
            from entry in entries
            where entry.With is not null && !entries.Exists(e => e.Name == entry.With && e.Name != entry.Name)
            select $"{path}: '{entry.Name}': {entry.With}",
            "Name another rule of the same list, or none.");
    }

    [Fact]
    public void Tests_that_are_named_are_there() => Sources.None(
        from entry in Entries()
        where entry.First is not null && !Array.Exists(FoldersOf(entry), folder => Sources.Paths.Contains($"{folder}/{entry.First}.cs"))
        select $"{Ordinary}: '{entry.Name}': {entry.First}",
        "Name a class of the scenarios or of the stretch, or for the dashboard one of its tests without a browser, or none.");

    private static string[] FoldersOf(Entry entry) => entry.File.StartsWith("src/Pampa.Dashboard/", StringComparison.Ordinal)
        ? ["tests/Pampa.Dashboard.Tests", "tests/Pampa.Dashboard.Tests/Security"]
        : ["tests/Pampa.Tests/Scenarios", "tests/Pampa.Tests/Stretching"];
}
