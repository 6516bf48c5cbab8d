using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Pampa.Tests.EndToEnd;

namespace Pampa.Tests.Tidy;

/// <summary>A file of the repository with forward slashes in its path, relative to the root.</summary>
internal sealed record Source(string Path)
{
    private SyntaxTree? tree;

    public string FullPath => System.IO.Path.Combine(ProgramFixture.Root, Path);

    public string Text { get; } = File.ReadAllText(System.IO.Path.Combine(ProgramFixture.Root, Path));

    public string[] Lines => Text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');

    public string Folder => System.IO.Path.GetDirectoryName(Path)!.Replace('\\', '/');

    public SyntaxTree Tree => tree ??= Sources.Parse(Text);

    public IEnumerable<T> Nodes<T>() where T : SyntaxNode => Tree.GetRoot().DescendantNodes().OfType<T>();

    public string At(SyntaxNode node) => At(node.SpanStart);

    public string At(int position) => $"{Path}:{Tree.GetLineSpan(new(position, 0)).StartLinePosition.Line + 1}";
}

/// <summary>The files that are in the repository or are about to be.</summary>
internal static class Sources
{
    private static readonly Lazy<IReadOnlyList<string>> Listed = new(List);
    private static readonly Lazy<IReadOnlyList<Source>> Read = new(() =>
        [.. Listed.Value.Where(p => p.EndsWith(".cs", StringComparison.Ordinal)).Select(p => new Source(p))]);

    /// <summary>All paths.</summary>
    public static IReadOnlyList<string> Paths => Listed.Value;

    /// <summary>All C#.</summary>
    public static IEnumerable<Source> Code => Read.Value;

    /// <summary>The library's C#.</summary>
    public static IEnumerable<Source> Product => Code.Where(s => s.Path.StartsWith("src/", StringComparison.Ordinal));

    /// <summary>The pages.</summary>
    public static IEnumerable<Source> Pages => Paths.Where(p => p.EndsWith(".md", StringComparison.Ordinal)).Select(p => new Source(p));

    public static SyntaxTree Parse(string text, SourceCodeKind kind = SourceCodeKind.Regular) =>
        CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Preview, kind: kind).WithFeatures([new("FileBasedProgram", "")]));

    /// <summary>Fails with every place that breaks the rule, and with what to do.</summary>
    public static void None(IEnumerable<string> findings, string remedy)
    {
        var all = findings.ToList();
        if (all.Count > 0) Assert.Fail($"{string.Join('\n', all)}\n{all.Count} in all. {remedy}");
    }

    private static List<string> List()
    {
        var start = new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = ProgramFixture.Root,
            RedirectStandardOutput = true,
        };
        using var git = Process.Start(start)!;
        var listed = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        if (git.ExitCode != 0) Assert.Skip("This is no clone of the repository: git cannot list its files.");
        return [.. listed.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(p => File.Exists(Path.Combine(ProgramFixture.Root, p))).Order(StringComparer.Ordinal)];
    }
}
