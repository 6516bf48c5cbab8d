using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Pampa.Tests.EndToEnd;

namespace Pampa.Tests.Tidy;

/// <summary>The pages keep what they promise: their links lead somewhere, their code is code.</summary>
public sealed partial class DocsTests
{
    /// <summary>A piece of a page between two fences.</summary>
    private sealed record Block(Source Page, int Line, string Language, string Text)
    {
        public string At => $"{Page.Path}:{Line}";
    }

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"(?<![\w/.:])(?:samples|src|tests|docs|bench|\.ci)/[\w./-]+")]
    private static partial Regex RepositoryPath();

    private static IEnumerable<Block> Blocks(string language) =>
        from page in Sources.Pages
        let text = page.Text.ReplaceLineEndings("\n")
        from fence in Fence().Matches(text)
        where fence.Groups[1].Value == language
        select new Block(page, text[..fence.Index].Count(c => c == '\n') + 1, language, fence.Groups[2].Value);

    [Fact]
    public void Links_lead_to_what_is_there() => Sources.None(
        from page in Sources.Pages
        from line in page.Lines.Select((text, i) => (Text: text, Number: i + 1))
        from link in Link().Matches(line.Text)
        let target = link.Groups[1].Value
        where !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal) && !Leads(page, target)
        select $"{page.Path}:{line.Number}: {target}",
        "Name the file relative to the page, and a heading in lower case with hyphens.");

    private static bool Leads(Source page, string target)
    {
        var parts = target.Split('#', 2);
        var path = parts[0].Length == 0 ? page.FullPath : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page.FullPath)!, parts[0]));
        if (!File.Exists(path)) return Directory.Exists(path) && parts.Length == 1;
        var tracked = Path.GetRelativePath(ProgramFixture.Root, path).Replace('\\', '/');
        return Sources.Paths.Contains(tracked)
            && (parts.Length == 1 || Heading().Matches(Fence().Replace(File.ReadAllText(path), "")).Any(h => Anchor(h.Groups[1].Value) == parts[1]));
    }

    // As the hosts of repositories make them.
    private static string Anchor(string heading) => string.Concat(
        heading.Trim().ToLowerInvariant().Replace(' ', '-').Where(c => char.IsLetterOrDigit(c) || c is '-' or '_'));

    [Fact]
    public void A_whole_program_on_a_page_is_a_sample_of_the_repository()
    {
        var samples = Sources.Code.Where(s => s.Folder == "samples").Select(s => Program(s.Text)).ToHashSet();
        var programs = Blocks("csharp").Where(b => b.Text.StartsWith("using ", StringComparison.Ordinal)).ToList();
        Assert.Contains(programs, p => p.Page.Path == "README.md");
        Sources.None(programs.Where(b => !samples.Contains(Program(b.Text))).Select(b => $"{b.At}: is no file of samples/"),
            "Copy the sample but for its first lines, which begin with # and tell the SDK what it needs.");
    }

    private static string Program(string text) => string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').SkipWhile(l => l.StartsWith('#'))).Trim();

    [Fact]
    public void Commands_and_code_name_files_that_are_there() => Sources.None(
        from block in Blocks("sh").Concat(Blocks("csharp"))
        from path in RepositoryPath().Matches(block.Text)
        let name = path.Value.TrimEnd('.')
        // A program makes its database beside itself.
        where !name.EndsWith(".db", StringComparison.Ordinal)
        where !Sources.Paths.Contains(name) && !Sources.Paths.Any(p => p.StartsWith($"{name.TrimEnd('/')}/", StringComparison.Ordinal))
        select $"{block.At}: {name}",
        "Name a file that a clone has.");

    [Fact]
    public void Every_threat_names_tests_and_all_of_the_suite_are_named()
    {
        var page = Sources.Pages.Single(p => p.Path == "SECURITY.md");
        var threats = page.Lines.Where(line => line.StartsWith("| T", StringComparison.Ordinal)).ToList();
        Assert.Equal(["T1", "T2", "T3", "T4", "T5", "T8", "T9", "T10", "T11", "T12", "T15", "T18"], threats.Select(line => line.Split('|')[1].Trim()));
        var named = threats.ConvertAll(line => RepositoryPath().Matches(line).Select(m => m.Value).ToList());
        Assert.All(named, tests => Assert.NotEmpty(tests));
        var suite = Sources.Code.Where(s => s.Text.Contains("Trait(\"suite\", \"security\")", StringComparison.Ordinal)).Select(s => s.Path);
        Assert.Equal(suite.Order(StringComparer.Ordinal), named.SelectMany(n => n).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Code_on_a_page_is_code() => Sources.None(
        from block in Blocks("csharp")
            // Three dots stand for what is the reader's: a block's statements, or a value.
        let text = block.Text.Replace("{ … }", "{ }", StringComparison.Ordinal).Replace("…", "_", StringComparison.Ordinal)
        from error in Sources.Parse(text).GetDiagnostics()
        where error.Severity == DiagnosticSeverity.Error
        select $"{block.Page.Path}:{block.Line + 1 + error.Location.GetLineSpan().StartLinePosition.Line}: {error.GetMessage(null)}",
        "Write what compiles; leave out with … where a value or the statements of a block would stand.");
}
