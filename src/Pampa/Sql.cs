using System.Runtime.CompilerServices;
using System.Text;

namespace Pampa;

/// <summary>
/// A piece of SQL written as an interpolated string: <c>job.Where = $"active AND score &gt; {minimum}"</c>. Every value
/// in braces becomes a parameter of the statement, so a value can never be read as SQL. A plain string does not convert
/// to this type, on purpose: write <c>$"active"</c>.
/// </summary>
/// <remarks>
/// Values are captured once, when the expression is evaluated. A list is passed as one array: <c>$"state =
/// ANY({states})"</c> (PostgreSQL). Alignment and format (<c>{x,10}</c>, <c>{x:N}</c>) do not compile, they would mean
/// nothing in SQL.
/// </remarks>
[InterpolatedStringHandler]
public sealed class Sql
{
    private readonly List<(string? Text, object? Value)> parts;

    /// <summary>Called by the compiler for an interpolated string.</summary>
    /// <param name="literalLength">Characters outside the braces.</param>
    /// <param name="formattedCount">How many values there are.</param>
    public Sql(int literalLength, int formattedCount) => parts = new(formattedCount * 2 + 1);

    /// <summary>Called by the compiler: adds text as it stands.</summary>
    /// <param name="value">The text.</param>
    public void AppendLiteral(string value) => parts.Add((value, null));

    /// <summary>Called by the compiler: adds a value, which becomes a parameter.</summary>
    /// <typeparam name="T">The value's type; whatever the database driver can send.</typeparam>
    /// <param name="value">The value.</param>
    public void AppendFormatted<T>(T value)
    {
        if (value is Sql nested) parts.AddRange(nested.parts);
        else parts.Add((null, value));
    }

    /// <summary>The text with the parameters' names, for people; values are not shown.</summary>
    public override string ToString() => Render("p", []);

    /// <summary>
    /// Writes the text with parameters named <c>@{prefix}0</c>, <c>@{prefix}1</c> … and adds their values.
    /// </summary>
    internal string Render(string prefix, ICollection<(string Name, object? Value)> parameters)
    {
        var text = new StringBuilder();
        var count = 0;
        foreach (var (literal, value) in parts)
        {
            if (literal is not null)
            {
                text.Append(literal);
                continue;
            }
            var name = $"{prefix}{count++}";
            text.Append('@').Append(name);
            parameters.Add((name, value));
        }
        return text.ToString();
    }
}
