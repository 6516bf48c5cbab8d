using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Pampa.Tests.Tidy;

/// <summary>How much a reader has to hold in his head at once.</summary>
public sealed class SizeTests
{
    private const int FileLines = 400;
    private const int MethodLines = 70;

    /// <summary>Of a line without its texts: a message is searched for as a whole and is not broken.</summary>
    private const int CodeColumns = 160;

    /// <summary>The token that stops a method is one of them.</summary>
    private const int Parameters = 7;

    /// <summary>What a part is made of; it is made in one place.</summary>
    private const int PartsOfAPart = 9;

    private const int ReadmeLines = 120;

    [Fact]
    public void Files_are_short() => Sources.None(
        from source in Sources.Code
        where source.Lines.Length > FileLines
        select $"{source.Path}:{source.Lines.Length}: a file of {source.Lines.Length} lines",
        $"A file has {FileLines} lines at most: find the second thing that it is about and give that a file of its own.");

    [Fact]
    public void Methods_are_short() => Sources.None(
        from source in Sources.Code
        from node in source.Nodes<SyntaxNode>()
        where node is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax or AccessorDeclarationSyntax
        let span = source.Tree.GetLineSpan(node.Span)
        let lines = span.EndLinePosition.Line - span.StartLinePosition.Line + 1
        where lines > MethodLines
        select $"{source.At(node)}: {Name(node)} has {lines} lines",
        $"A method has {MethodLines} lines at most: name a step of it.");

    [Fact]
    public void Methods_take_few_parameters() => Sources.None(
        from source in Sources.Code
        from list in source.Nodes<ParameterListSyntax>()
            // A record lists what it has; an event of the log what it tells.
        where list.Parent is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax or ClassDeclarationSyntax && !IsEvent(list.Parent)
        let limit = list.Parent is ConstructorDeclarationSyntax or ClassDeclarationSyntax ? PartsOfAPart : Parameters
        where list.Parameters.Count > limit
        select $"{source.At(list)}: {Name(list.Parent!)} takes {list.Parameters.Count} parameters",
        $"A method takes {Parameters} parameters at most, a constructor {PartsOfAPart}: make a record of those that belong together.");

    [Fact]
    public void Lines_are_narrow() => Sources.None(
        from source in Sources.Code
        let texts = TextColumns(source)
        from line in source.Lines.Select((text, i) => (Text: text, Number: i))
        let code = line.Text.Length - texts.GetValueOrDefault(line.Number)
        where code > CodeColumns
        select $"{source.Path}:{line.Number + 1}: {line.Text.Length} columns, {code} without texts",
        $"A line has {CodeColumns} columns of code at most, texts not counted: break it where a reader would breathe.");

    [Fact]
    public void The_readme_is_one_page() =>
        Assert.InRange(Sources.Pages.Single(p => p.Path == "README.md").Lines.Length, 1, ReadmeLines);

    private static bool IsEvent(SyntaxNode node) =>
        node is MethodDeclarationSyntax method && method.AttributeLists.Any(list => list.Attributes.Any(a => a.Name.ToString() == "LoggerMessage"));

    // How many columns of each line are a text's own; what stands in its braces is code, unless the text is SQL of several lines.
    private static Dictionary<int, int> TextColumns(Source source)
    {
        var columns = new Dictionary<int, int>();
        foreach (var node in source.Nodes<ExpressionSyntax>())
        {
            if (node is InterpolatedStringExpressionSyntax or LiteralExpressionSyntax { RawKind: (int)SyntaxKind.StringLiteralExpression })
            {
                var span = source.Tree.GetLineSpan(node.Span);
                if (span.StartLinePosition.Line == span.EndLinePosition.Line) continue;
                for (var line = span.StartLinePosition.Line + 1; line < span.EndLinePosition.Line; line++) columns[line] = source.Lines[line].Length;
            }
        }
        foreach (var token in source.Tree.GetRoot().DescendantTokens())
        {
            if (token.RawKind is not ((int)SyntaxKind.StringLiteralToken or (int)SyntaxKind.InterpolatedStringTextToken)) continue;
            var line = source.Tree.GetLineSpan(token.Span).StartLinePosition.Line;
            if (columns.GetValueOrDefault(line) + token.Span.Length <= source.Lines[line].Length)
                columns[line] = columns.GetValueOrDefault(line) + token.Span.Length;
        }
        return columns;
    }

    private static string Name(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        LocalFunctionStatementSyntax local => local.Identifier.Text,
        TypeDeclarationSyntax type => type.Identifier.Text,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.Text,
        _ => node.Kind().ToString(),
    };
}
