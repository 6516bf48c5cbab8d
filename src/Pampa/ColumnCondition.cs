using Pampa.Jobs;

namespace Pampa;

/// <summary>
/// A condition on a column. The value is a text that the database reads by the rules of the column's type; one that does not fit is
/// an <see cref="ArgumentException"/> of the call that uses the condition.
/// </summary>
/// <param name="Column">The column's name; upper and lower case matter only where they are all that tells two columns apart.</param>
/// <param name="Operator">What must hold.</param>
/// <param name="Value">What it is compared with; null with <see cref="ColumnOperator.IsNull"/> and its opposite only.</param>
public sealed record ColumnCondition(string Column, ColumnOperator Operator, string? Value = null)
{
    /// <summary>
    /// Reads a condition as people write it: a column, an operator, a value. The operators are <c>=</c>, <c>&lt;&gt;</c> (or
    /// <c>!=</c>), <c>&lt;</c>, <c>&lt;=</c>, <c>&gt;</c>, <c>&gt;=</c>, <c>contains</c>, <c>starts with</c>, <c>is null</c> and <c>is not null</c>.
    /// A column with odd characters stands in double quotes, a value may stand in single or double ones.
    /// </summary>
    /// <param name="text">For example <c>amount &gt;= 10</c> or <c>"odd name" starts with 'Al'</c>.</param>
    /// <exception cref="ArgumentException">It is no condition; the text says why.</exception>
    public static ColumnCondition Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ConditionText.Read(text);
    }

    /// <summary>The text that <see cref="Parse"/> takes for this condition.</summary>
    public override string ToString() => ConditionText.Write(this);
}

/// <summary>What a column is asked.</summary>
public enum ColumnOperator
{
    /// <summary>It is the value.</summary>
    Equal,

    /// <summary>It is not the value; NULL is not.</summary>
    NotEqual,

    /// <summary>It is less.</summary>
    Less,

    /// <summary>It is less or the same.</summary>
    LessOrEqual,

    /// <summary>It is more.</summary>
    Greater,

    /// <summary>It is more or the same.</summary>
    GreaterOrEqual,

    /// <summary>Its text contains the value, in upper or lower case (SQLite knows that of ASCII letters only).</summary>
    Contains,

    /// <summary>Its text begins with the value, exactly.</summary>
    StartsWith,

    /// <summary>It is NULL.</summary>
    IsNull,

    /// <summary>It is not NULL.</summary>
    IsNotNull,
}
