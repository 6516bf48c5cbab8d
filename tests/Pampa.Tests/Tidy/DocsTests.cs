using System.Reflection;
using System.Text.RegularExpressions;
using Pampa.Tests.EndToEnd;

namespace Pampa.Tests.Tidy;

/// <summary>The pages keep what they promise: their links lead somewhere, their code is code.</summary>
public sealed partial class DocsTests
{
    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"(?<![\w/.:])(?:samples|src|tests|docs|bench|\.ci)/[\w./-]+")]
    private static partial Regex RepositoryPath();

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
            && (parts.Length == 1 || Heading().Matches(Block.Fence().Replace(File.ReadAllText(path), "")).Any(h => Anchor(h.Groups[1].Value) == parts[1]));
    }

    // As the hosts of repositories make them.
    private static string Anchor(string heading) => string.Concat(
        heading.Trim().ToLowerInvariant().Replace(' ', '-').Where(c => char.IsLetterOrDigit(c) || c is '-' or '_'));

    [Fact]
    public void Every_page_is_named_on_the_front_page() => Sources.None(
        from page in Sources.Pages
        where page.Path.StartsWith("docs/", StringComparison.Ordinal) && !Readme.Contains($"({page.Path})", StringComparison.Ordinal)
        select page.Path,
        "Name it under Documentation in README.md.");

    [Fact]
    public void Every_folder_of_tests_is_named_with_what_it_shows() => Sources.None(
        from folder in Sources.Code.Select(s => s.Path.Split('/')).Where(p => p is ["tests", "Pampa.Tests", _, _, ..]).Select(p => p[2]).Distinct()
        where folder is not ("Fixtures" or "obj" or "bin") && !new Source("docs/testing.md").Text.Contains($"| `{folder}` |", StringComparison.Ordinal)
        select folder,
        "Give it a row in the first table of docs/testing.md.");

    private static string Readme => new Source("README.md").Text;

    [Fact]
    public void A_whole_program_on_a_page_is_a_sample_of_the_repository()
    {
        var samples = Sources.Code.Where(s => s.Folder == "samples").Select(s => Program(s.Text)).ToHashSet();
        var programs = Block.Of("csharp").Where(b => b.Text.StartsWith("using ", StringComparison.Ordinal)).ToList();
        Assert.Contains(programs, p => p.Page.Path == "README.md");
        Sources.None(programs.Where(b => !samples.Contains(Program(b.Text))).Select(b => $"{b.At}: is no file of samples/"),
            "Copy the sample but for its first lines, which begin with # and tell the SDK what it needs.");
    }

    private static string Program(string text) => string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').SkipWhile(l => l.StartsWith('#'))).Trim();

    [Fact]
    public void Commands_and_code_name_files_that_are_there() => Sources.None(
        from block in Block.Of("sh").Concat(Block.Of("csharp"))
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
    public void Code_on_a_page_compiles()
    {
        Sources.None(Examples.ErrorsAround(), "Mend what the examples have around them: pages/Surroundings.cs.");
        Sources.None(Block.Of("csharp").AsParallel().AsOrdered().SelectMany(Examples.ErrorsOf),
            "Write what compiles; leave out with … where a value, a statement or those of a block would stand, and put what is the reader's into pages/Surroundings.cs.");
    }

    [Fact]
    public void An_example_that_does_not_compile_is_told_of_with_page_line_and_message()
    {
        var page = Sources.Pages.Single(p => p.Path == "docs/jobs.md");
        string[] Of(string text) => [.. Examples.ErrorsOf(new Block(page, 10, "csharp", text))];
        Assert.Empty(Of("job.Process(async task => { … });"));
        Assert.Equal(["docs/jobs.md:12: 'JobBuilder' does not contain a definition for 'Proces' and no accessible extension method 'Proces' accepting a first argument of type "
            + "'JobBuilder' could be found (are you missing a using directive or an assembly reference?)"], Of("job.MaxAttempts = 3;\njob.Proces(task => { });"));
        // Nothing that is not public, and no condition that is a plain text.
        Assert.Contains("JobDefinition", Assert.Single(Of("Pampa.Jobs.JobDefinition? one = null;")), StringComparison.Ordinal);
        Assert.NotEmpty(Of("job.Where = \"active\";"));
    }

    /// <summary>What a job, a schedule and a stand-alone process can be told has an example that compiles, each of it.</summary>
    [Fact]
    public void Each_setting_stands_in_an_example()
    {
        var named = Block.Of("csharp").AsParallel().SelectMany(Examples.NamedBy).ToHashSet();
        Sources.None(
            from type in (Type[])[typeof(JobBuilder), typeof(ScheduleBuilder), typeof(StandAloneOptions)]
            from member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            where member is PropertyInfo { CanWrite: true } or MethodInfo { IsSpecialName: false }
            let name = $"{type.Name}.{member.Name}"
            where !named.Contains(name)
            select name,
            "Show in docs/ how it is used, in a block of C#.");
    }
}
