using System.Text.RegularExpressions;

namespace Pampa.Tests.Tidy;

/// <summary>What must not stand in any file.</summary>
public sealed partial class TextTests
{
    /// <summary>What a visitor sees first: nothing but the product.</summary>
    private static readonly string[] Root =
    [
        ".ci", ".editorconfig", ".gitattributes", ".github", ".gitignore", "BannedSymbols.txt", "CHANGELOG.md", "CONTRIBUTING.md", "Directory.Build.props",
        "Directory.Packages.props", "LICENSE", "Pampa.slnx", "README.md", "SECURITY.md", "bench", "docs", "global.json", "samples", "src", "tests",
    ];

    /// <summary>Here they are named in order to be found.</summary>
    private const string Here = "tests/Pampa.Tests/Tidy/TextTests.cs";

    [GeneratedRegex(@"\b(TODO|HACK|FIXME|XXX)\b|\bNotImplementedException\b|#region|\bThread\.Sleep\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"(?<![\w.:/*])/(home|root|work|tmp|Users)/|\b[A-Z]:\\Users\\", RegexOptions.None)]
    private static partial Regex Machine();

    [GeneratedRegex(@"\b(api|www)\.nuget\.org|\bregistry\.(npmjs|yarnpkg)\b|\bpkgs\.dev\.azure\.com|\bproxy\.golang\.org", RegexOptions.IgnoreCase)]
    private static partial Regex Registry();

    private static IEnumerable<(string At, string Text)> LinesOf(IEnumerable<string> paths) =>
        from path in paths
        where path != Here
        let source = new Source(path)
        // A picture has no lines.
        where !source.Text.Contains('\0', StringComparison.Ordinal)
        from line in source.Lines.Select((text, i) => ($"{path}:{i + 1}", text))
        select line;

    [Fact]
    public void Nothing_is_left_unfinished() => Sources.None(
        from line in LinesOf(Sources.Paths.Where(p => p.EndsWith(".cs", StringComparison.Ordinal) || p.EndsWith(".md", StringComparison.Ordinal)))
        where Unfinished().IsMatch(line.Text)
        select $"{line.At}: {line.Text.Trim()}",
        "Do it now or leave it out; wait for what happens and not for a time; a file that needs regions is two.");

    [Fact]
    public void The_root_has_only_what_a_visitor_looks_for() => Sources.None(
        Sources.Paths.Select(p => p.Split('/')[0]).Distinct().Except(Root).Select(name => $"{name}:1: is new in the root"),
        "Put it in a folder, or in the list if every visitor must see it.");

    [Fact]
    public void No_file_tells_of_somebodys_machine() => Sources.None(
        from line in LinesOf(Sources.Paths.Where(p => !p.StartsWith("tests/", StringComparison.Ordinal)))
        where Machine().IsMatch(line.Text)
        select $"{line.At}: {line.Text.Trim()}",
        "Name a place that every reader has: relative to the repository, or made by mktemp.");

    [Fact]
    public void No_file_names_a_package_registry() => Sources.None(
        from line in LinesOf(Sources.Paths)
        where Registry().IsMatch(line.Text)
        select $"{line.At}: {line.Text.Trim()}",
        "Where packages come from is each machine's own setting.");
}
