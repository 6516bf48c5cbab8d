using System.Text.RegularExpressions;

namespace Pampa.Jobs;

/// <summary>How a job chooses its records where it does not do so by condition and order: by a statement, or by code.</summary>
internal sealed partial record Selecting
{
    /// <summary>A whole statement that returns keys; <c>@n</c> is how many.</summary>
    public Func<Sql>? Statement { get; init; }

    /// <summary>Code that returns keys.</summary>
    public Func<SelectContext, CancellationToken, Task<IEnumerable<string>>>? KeysAsync { get; init; }

    [GeneratedRegex(@"(?<![\w@])@n\b")]
    private static partial Regex Count { get; }

    /// <summary>Whether a statement says how many keys are wanted.</summary>
    public static bool NamesCount(Sql statement) => Count.IsMatch(statement.ToString());
}
