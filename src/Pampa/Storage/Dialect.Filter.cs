namespace Pampa.Storage;

/// <summary>What people ask for in words of their own: texts that become values of a column's type.</summary>
internal abstract partial class Dialect
{
    /// <summary>A parameter that is a text, as a value of a column.</summary>
    public abstract string Typed(string parameter, ColumnInfo column);

    /// <summary>
    /// A column compared with a parameter that carries <see cref="ComparedValue"/>. The sign is one of SQL's, or IS DISTINCT FROM.
    /// </summary>
    public abstract string Compare(string expression, ColumnInfo column, string sign, string parameter);

    /// <summary>What a typed text is bound as.</summary>
    public virtual object ComparedValue(ColumnInfo column, string text) => text;

    /// <summary>
    /// Why a text is no value of a column, where that must be told beforehand: a database that compares anything with anything would
    /// silently find nothing. Null: it is one, or the database says it itself.
    /// </summary>
    public virtual string? Misfit(ColumnInfo column, string text) => null;

    /// <summary>Whether the text of an expression contains that of a parameter, in upper or lower case.</summary>
    public abstract string Contains(string expression, string parameter);

    /// <summary>Whether the text of an expression begins with that of a parameter.</summary>
    public abstract string StartsWith(string expression, string parameter);

    /// <summary>The beginning of a value as text for people: at most so many characters.</summary>
    public abstract string Shown(string expression, ColumnInfo column, int characters);
}
