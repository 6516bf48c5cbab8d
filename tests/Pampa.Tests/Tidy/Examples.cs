using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Pampa.Tests.Tidy;

/// <summary>A piece of a page between two fences.</summary>
internal sealed partial record Block(Source Page, int Line, string Language, string Text)
{
    public string At => $"{Page.Path}:{Line}";

    /// <summary>The pages' blocks of a language.</summary>
    public static IEnumerable<Block> Of(string language) =>
        from page in Sources.Pages
        let text = page.Text.ReplaceLineEndings("\n")
        from fence in Fence().Matches(text)
        where fence.Groups[1].Value == language
        select new Block(page, text[..fence.Index].Count(c => c == '\n') + 1, language, fence.Groups[2].Value);

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    public static partial Regex Fence();
}

/// <summary>
/// The examples of the pages, as the compiler sees them: each is a program of its own, whole or (most) the statements of one, and has nothing but the
/// public API, the packages that it names and what stands in pages/Surroundings.cs.
/// </summary>
internal static partial class Examples
{
    private const string Given = "tests/Pampa.Tests/Tidy/pages/Surroundings.cs";

    // Packages that the tests do without: their public API is that of their sources.
    private static readonly string[] Packages = ["Pampa.Dashboard", "Pampa.Ssh"];

    private static readonly Lazy<CSharpCompilation> Surrounded = new(Surround);

    /// <summary>What the compiler says of what the examples have around them.</summary>
    public static IEnumerable<string> ErrorsAround() => Errors(Surrounded.Value.AddSyntaxTrees(Sources.Parse("return 0;")).GetDiagnostics());

    /// <summary>What the compiler says of an example: page, line and message.</summary>
    public static IEnumerable<string> ErrorsOf(Block block) => Errors(ModelOf(block).GetDiagnostics());

    /// <summary>The public members that an example names, of types of the packages.</summary>
    public static IEnumerable<string> NamedBy(Block block)
    {
        var model = ModelOf(block);
        return from name in model.SyntaxTree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
               let symbol = model.GetSymbolInfo(name).Symbol
               where symbol?.ContainingType is { } && symbol.ContainingAssembly?.Name.StartsWith("Pampa", StringComparison.Ordinal) == true
               select $"{symbol.ContainingType.Name}.{symbol.Name}";
    }

    private static SemanticModel ModelOf(Block block)
    {
        var tree = Sources.Parse($"#line {block.Line + 1} \"{block.Page.Path}\"\n{Filled(block.Text)}");
        return Surrounded.Value.AddSyntaxTrees(tree).GetSemanticModel(tree);
    }

    /// <summary>Three dots stand for what is the reader's: a block's statements, a statement, what is awaited, or a value.</summary>
    private static string Filled(string text)
    {
        text = text.Replace("{ … }", "{ }", StringComparison.Ordinal).Replace("await …", "await Task.CompletedTask", StringComparison.Ordinal);
        return Statement().Replace(text, ";").Replace("…", "default!", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=[{;]\s*)…;")]
    private static partial Regex Statement();

    private static CSharpCompilation Surround()
    {
        var libraries = Libraries();
        var packages = Packages.Select(name => CSharpCompilation.Create(name,
            [Sources.Parse(Implicit), .. Sources.Product.Where(s => s.Path.StartsWith($"src/{name}/", StringComparison.Ordinal)).Select(s => s.Tree)],
            libraries, Options(OutputKind.DynamicallyLinkedLibrary)).ToMetadataReference());
        var given = Sources.Code.Single(s => s.Path == Given);
        return CSharpCompilation.Create("Example", [given.Tree], [.. libraries, .. packages], Options(OutputKind.ConsoleApplication));
    }

    private const string Implicit =
        "global using System; global using System.Collections.Generic; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;";

    private static CSharpCompilationOptions Options(OutputKind kind) => new(kind, nullableContextOptions: NullableContextOptions.Enable);

    // Those of the tests, and those of ASP.NET Core, which stand beside the run time's.
    private static List<MetadataReference> Libraries()
    {
        var own = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var runtime = new DirectoryInfo(Path.GetDirectoryName(typeof(object).Assembly.Location)!);
        var web = new DirectoryInfo(Path.Combine(runtime.Parent!.Parent!.FullName, "Microsoft.AspNetCore.App", runtime.Name));
        return [.. own.Concat(web.GetFiles("*.dll").Select(f => f.FullName)).DistinctBy(Path.GetFileName).Select(f => MetadataReference.CreateFromFile(f))];
    }

    private static IEnumerable<string> Errors(IEnumerable<Diagnostic> found) =>
        from one in found
        where one.Severity == DiagnosticSeverity.Error
        let at = one.Location.GetMappedLineSpan()
        select $"{at.Path}:{at.StartLinePosition.Line + 1}: {one.GetMessage(null)}";
}
