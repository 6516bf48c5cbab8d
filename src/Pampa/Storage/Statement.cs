using System.Data.Common;

namespace Pampa.Storage;

/// <summary>
/// A statement with its parameters. The text comes from <see cref="JobSql"/>, <see cref="ClusterStore"/> or <see
/// cref="Schema"/> only.
/// </summary>
internal sealed class Statement(string text)
{
    private readonly List<(string Name, object? Value)> parameters = [];

    public string Text => text;

    /// <summary>
    /// Whether it finds its few records by their keys. A database that is told so does not read the whole table where
    /// its estimate of the number of rows is off.
    /// </summary>
    public bool IsByKey { get; init; }

    /// <summary>
    /// Whether, of those that find their records by their keys, one plan is right whatever its parameters: nothing of the program's is in it.
    /// </summary>
    public bool HasOnePlan { get; init; }

    /// <summary>
    /// Whether it does no harm if a crash of the server undoes it although it was answered: it is a hint, or whatever is
    /// built on it is a later commit, which keeps it.
    /// </summary>
    public bool MayBeForgotten { get; init; }

    /// <summary>Whether to run it twice is as good as once, so that it is repeated where nobody knows what became of it.</summary>
    public bool MayRunTwice { get; init; }

    /// <summary>Whether new records wait for it, so that a connection is kept for it, where that makes it quicker.</summary>
    public bool IsAwaited { get; init; }

    /// <summary>
    /// What it must not run at the same time as: of statements with the same text here the next one begins when the one before is
    /// committed. Null: it may.
    /// </summary>
    public string? Turn { get; init; }

    /// <summary>After how long a server that limits statements ends it, where that is sooner than any other.</summary>
    public TimeSpan? EndsAfter { get; init; }

    /// <summary>How long it may take, where that is less than any statement may.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>
    /// A deadline as drivers take it, in whole seconds. To them none is no deadline at all, so there is at least one; below zero is for them to
    /// try once.
    /// </summary>
    public static int Seconds(TimeSpan deadline) => deadline < TimeSpan.Zero ? -1 : Math.Max(1, (int)deadline.TotalSeconds);

    public List<(string Name, object? Value)> Parameters => parameters;

    public Statement With(string name, object? value)
    {
        parameters.Add((name, value));
        return this;
    }

    /// <summary>Gives a command the parameters.</summary>
    public void Bind(Dialect dialect, Func<DbParameter> create, DbParameterCollection bound)
    {
        foreach (var (name, value) in parameters)
        {
            var parameter = create();
            parameter.ParameterName = name;
            Fill(dialect, parameter, value);
            bound.Add(parameter);
        }
    }

    /// <summary>Gives a parameter its value.</summary>
    public static void Fill(Dialect dialect, DbParameter parameter, object? value)
    {
        if (value is null) parameter.Value = DBNull.Value;
        else dialect.Fill(parameter, value);
    }
}

/// <summary>How a value travels to the database.</summary>
internal enum CellKind
{
    /// <summary>Text, as it is.</summary>
    Text,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number with a fraction.</summary>
    Number,

    /// <summary>A time as the database wrote it.</summary>
    Time,

    /// <summary>A key part or a column's value, encoded by the dialect.</summary>
    Value,
}

/// <summary>A column of a row source: many rows that travel to the database as parameters of one statement.</summary>
internal sealed record RowColumn(string Name, CellKind Kind, ColumnInfo? Column = null);

/// <summary>
/// Rows on their way into a statement. <see cref="Name"/> is the prefix of the parameters that carry them.
/// </summary>
internal sealed record RowSource(string Name, IReadOnlyList<RowColumn> Columns);
