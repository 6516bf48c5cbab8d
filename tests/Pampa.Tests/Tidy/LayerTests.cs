using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Pampa.Tests.Tidy;

/// <summary>Which part may know which, and what each folder is for.</summary>
public sealed partial class LayerTests
{
    private const string Root = "src/Pampa";

    /// <summary>From above: a layer knows those below it. Dispatching and Working meet in the table only.</summary>
    private static readonly string[][] Layers = [["Commands"], ["Hosting"], ["Dispatching", "Working"], ["Storage"], ["Jobs"]];

    /// <summary>Names that stand for a database, a file or a line to somewhere.</summary>
    private static readonly string[] Io =
        ["File", "FileInfo", "FileStream", "Directory", "DirectoryInfo", "Stream", "StreamReader", "StreamWriter", "Console", "Process", "Socket", "HttpClient"];

    private static readonly string[] IoNamespaces = ["System.Data", "System.IO", "System.Net.Http", "System.Net.Sockets", "Npgsql", "Microsoft.Data"];

    /// <summary>Classes that others may derive from though they are whole themselves, and why.</summary>
    private static readonly Dictionary<string, string> Open = new()
    {
        ["PostgreSqlDialect"] = "CockroachDB is a PostgreSQL with a few differences",
        ["PermanentFailureException"] = "a program may give its failures names",
        ["PampaTask"] = "one of a batch is a task as well, of which more can be said",
        ["BatchTask"] = "one whose record is an object is a task of a batch as well",
    };

    [GeneratedRegex(@"\bSELECT\b[\s\S]*\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\S+\s+(AS\s+\w+\s+)?SET\b|\bDELETE\s+FROM\b|\b(CREATE|ALTER)\s+TABLE\b")]
    private static partial Regex Sql();

    [Fact]
    public void Layers_know_only_those_below_them() => Sources.None(
        from source in Sources.Product
        let own = LayerOf(source)
        where own is not null
        from name in source.Nodes<NameSyntax>()
        let other = LayerNamed(name)
        where other is not null && other != own && Rank(other) >= Rank(own)
        select $"{source.At(name)}: {own} knows {other}",
        $"The direction is {string.Join(" → ", Layers.Select(l => string.Join(" | ", l)))}: move what both need down.");

    [Fact]
    public void Jobs_are_pure() => Sources.None(
        from source in Sources.Product
        where LayerOf(source) == "Jobs"
        from name in source.Nodes<NameSyntax>()
        where IsIo(name)
        select $"{source.At(name)}: {name}",
        "Jobs decides and does no I/O: give it what it needs as values.");

    [Fact]
    public void Sql_is_in_Storage_only() => Sources.None(
        from source in Sources.Product
        where LayerOf(source) != "Storage"
        from text in source.Nodes<ExpressionSyntax>()
        where text is InterpolatedStringExpressionSyntax || text.IsKind(SyntaxKind.StringLiteralExpression)
        where Sql().IsMatch(text.ToString())
        select $"{source.At(text)}: {text.ToString().ReplaceLineEndings(" ")}",
        "Statements are composed in Storage, where names are quoted and values become parameters: give its store a verb.");

    [Fact]
    public void The_root_is_the_public_api_and_nothing_else() => Sources.None(
        from source in Sources.Product
        where source.Folder == Root || source.Folder.StartsWith($"{Root}/", StringComparison.Ordinal)
        let types = source.Nodes<BaseTypeDeclarationSyntax>().Cast<MemberDeclarationSyntax>().Concat(source.Nodes<DelegateDeclarationSyntax>())
            .Where(t => t.Parent is BaseNamespaceDeclarationSyntax or CompilationUnitSyntax)
        let isPublic = types.Any(t => t.Modifiers.Any(SyntaxKind.PublicKeyword))
        where isPublic != (source.Folder == Root)
        select $"{source.Path}:1: {(isPublic ? "a public type in a folder of the machine's" : "no public type")}",
        "Public types stand in the root folder, so that one look shows them; all else in a folder below it.");

    [Fact]
    public void Classes_are_sealed_static_or_abstract() => Sources.None(
        from source in Sources.Code
        from type in source.Nodes<TypeDeclarationSyntax>()
        where type is ClassDeclarationSyntax || type.IsKind(SyntaxKind.RecordDeclaration)
        where !type.Modifiers.Any(m => m.Kind() is SyntaxKind.SealedKeyword or SyntaxKind.StaticKeyword or SyntaxKind.AbstractKeyword)
        where !Open.ContainsKey(type.Identifier.Text) && !IsPartElsewhere(type)
        select $"{source.At(type)}: {type.Identifier.Text}",
        "A class is sealed, static or abstract: between whole and unfinished there is nothing.");

    // Of a partial class one part says it for all.
    private static bool IsPartElsewhere(TypeDeclarationSyntax type) =>
        type.Modifiers.Any(SyntaxKind.PartialKeyword) && Sources.Code.SelectMany(s => s.Nodes<TypeDeclarationSyntax>())
            .Any(t => t.Identifier.Text == type.Identifier.Text
                && t.Modifiers.Any(m => m.Kind() is SyntaxKind.SealedKeyword or SyntaxKind.StaticKeyword or SyntaxKind.AbstractKeyword));

    private static bool IsIo(NameSyntax name) => name is IdentifierNameSyntax { Identifier.Text: var text }
        ? Io.Contains(text) && (name.Parent is not MemberAccessExpressionSyntax access || access.Expression == name)
        : IoNamespaces.Any(n => name.ToString() == n || name.ToString().StartsWith($"{n}.", StringComparison.Ordinal));

    private static string? LayerOf(Source source) =>
        source.Folder.Split('/') is ["src", "Pampa", var folder, ..] && Layers.Any(l => l.Contains(folder)) ? folder : null;

    private static int Rank(string layer) => Array.FindIndex(Layers, l => l.Contains(layer)) is var index && index >= 0 ? Layers.Length - index : 0;

    // Pampa.Storage in a using or a name, and Storage.X, which is the same inside Pampa.
    private static string? LayerNamed(NameSyntax name)
    {
        if (name.FirstAncestorOrSelf<BaseNamespaceDeclarationSyntax>()?.Name.Span.Contains(name.Span) == true) return null;
        if (name is QualifiedNameSyntax { Left: IdentifierNameSyntax { Identifier.Text: "Pampa" }, Right.Identifier.Text: var qualified })
            return Layers.Any(l => l.Contains(qualified)) ? qualified : null;
        if (name is not IdentifierNameSyntax { Identifier.Text: var text } || !Layers.Any(l => l.Contains(text))) return null;
        return name.Parent switch
        {
            QualifiedNameSyntax qualifiedName when qualifiedName.Left == name => text,
            MemberAccessExpressionSyntax { Expression: var left, Name: IdentifierNameSyntax { Identifier.Text: var next } }
                when left == name && char.IsUpper(next[0]) => text,
            MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "Pampa" } } => text,
            _ => null,
        };
    }
}
