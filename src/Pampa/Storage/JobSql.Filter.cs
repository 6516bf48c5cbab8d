using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Which records somebody asks for. What he has typed becomes parameters; names are looked up in the catalog.</summary>
internal sealed partial class JobSql
{
    private const int MaxConditions = 20;
    private const int MaxText = 4_000;

    private ColumnInfo TimeColumn(TaskMoment moment) => Column(moment switch
    {
        TaskMoment.Reserved => StateColumn.ReservationTime,
        TaskMoment.Started => StateColumn.StartTime,
        _ => StateColumn.EndTime,
    });

    /// <summary>Whether a record has failed for good, as the index of the failed ones has it.</summary>
    internal string IsFailed => $"t.{Et} IS NOT NULL AND t.{Ok} IS NOT TRUE";

    internal string FailedIndexCondition => $"{Et} IS NOT NULL AND {Ok} IS NOT TRUE";

    internal string FailedIndexColumns => string.Join(", ", [Et, .. Keys]);

    /// <summary>All that a filter says but keys and states, as a condition with its parameters; null: nothing.</summary>
    /// <exception cref="ArgumentException">It cannot be asked; the text says why.</exception>
    internal string? Filter(TaskFilter filter, ICollection<(string Name, object? Value)> parameters)
    {
        var parts = new List<string>();
        var count = 0;
        string Bind(object? value)
        {
            var name = $"filter{count++}";
            parameters.Add((name, value is string text ? Checked(text) : value));
            return $"@{name}";
        }

        if (filter.Where.Count > MaxConditions) throw Fault($"a filter has at most {MaxConditions} conditions, got {filter.Where.Count}");
        if (filter.KeyPrefix is { } prefix) parts.Add(KeyBegins(Bind(prefix)));
        // Of what is searched elsewhere: whether there is a text at all everybody sees.
        if (filter is { ErrorContains: not null, Redact: not null }) parts.Add($"t.{Err} IS NOT NULL");
        else if (filter.ErrorContains is { } error) parts.Add(dialect.Contains($"t.{Err}", Bind(error)));
        if (filter.Worker is { } worker) parts.Add($"t.{Rid} = {dialect.Typed(Bind(worker), Column(StateColumn.ReservationId))}");
        // SQLite keeps times in columns of other types as well.
        var column = TimeColumn(filter.Moment) with { Kind = ColumnKind.Time };
        if (filter.From is { } from) parts.Add(dialect.Compare(QuotedOf("t", column), column, ">=", Bind(Moment(from))));
        if (filter.Until is { } until) parts.Add(dialect.Compare(QuotedOf("t", column), column, "<", Bind(Moment(until))));
        foreach (var condition in filter.Where) parts.Add(ConditionOf(condition, Bind));
        if (filter.IsOwnTimePast && job.Order.Due is { } due) parts.Add(dialect.IsPast(QuotedOf("t", due), due));
        return parts.Count == 0 ? null : string.Join(" AND ", parts);
    }

    private static string Moment(DateTimeOffset moment) =>
        moment.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>One condition alone: to find out which of several the database does not take.</summary>
    internal string Probe(ColumnCondition condition, ICollection<(string Name, object? Value)> parameters) =>
        $"SELECT 1 FROM {Table} AS t WHERE {Filter(new TaskFilter { Where = [condition] }, parameters)} LIMIT 1";

    // In an order by text, what begins with a text never comes before it: the index of the key is entered there.
    private string KeyBegins(string parameter)
    {
        var first = job.Key[0];
        var begins = dialect.StartsWith($"t.{Keys[0]}", parameter);
        return first.Kind == ColumnKind.Text ? $"t.{Keys[0]} >= {dialect.Typed(parameter, first)} AND {begins}" : begins;
    }

    private string ConditionOf(ColumnCondition condition, Func<object?, string> bind)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var column = RequireColumn(condition.Column);
        var name = QuotedOf("t", column);
        if (ConditionText.TakesValue(condition.Operator) != condition.Value is not null)
            throw Fault($"condition on column '{column.Name}': '{condition.Operator}' {(condition.Value is null ? "needs a value" : "takes no value")}");
        var value = condition.Value ?? "";
        string Compared(string sign) => dialect.Misfit(column, value) is { } misfit
            ? throw Fault($"column '{column.Name}' ({column.Type}) does not take '{value}': {misfit}")
            : dialect.Compare(name, column, sign, bind(dialect.ComparedValue(column, value)));
        return condition.Operator switch
        {
            ColumnOperator.Equal => Compared("="),
            ColumnOperator.NotEqual => Compared("IS DISTINCT FROM"),
            ColumnOperator.Less => Compared("<"),
            ColumnOperator.LessOrEqual => Compared("<="),
            ColumnOperator.Greater => Compared(">"),
            ColumnOperator.GreaterOrEqual => Compared(">="),
            ColumnOperator.Contains => dialect.Contains(name, bind(value)),
            ColumnOperator.StartsWith => dialect.StartsWith(name, bind(value)),
            ColumnOperator.IsNull => $"{name} IS NULL",
            ColumnOperator.IsNotNull => $"{name} IS NOT NULL",
            _ => throw Fault($"condition on column '{column.Name}': there is no operator {(int)condition.Operator}"),
        };
    }

    /// <summary>A column that somebody has named.</summary>
    /// <exception cref="ArgumentException">There is none of this name.</exception>
    internal ColumnInfo RequireColumn(string name)
    {
        if (job.Table.Find(name) is { } column) return column;
        List<string> known = [.. job.Table.Columns.Select(c => c.Name)];
        throw Fault($"table '{job.Table.Name}' has no column '{name}'{Suggestion.For(name, known)}. Its columns are {string.Join(", ", known)}");
    }

    // What no database could compare, or only at a cost.
    private string Checked(string text)
    {
        if (text.Length > MaxText) throw Fault($"a text to compare with has at most {MaxText} characters, got {text.Length}");
        return ErrorText.Sanitise(text, MaxText) == text ? text : throw Fault("a text to compare with has no NUL character and no half surrogate pairs");
    }

    internal ArgumentException Fault(string what, Exception? cause = null) => CallersFault.Of($"Job '{job.Job.Name}': {what}.", cause);

    /// <summary>What a record of these states has in common, as indexes know it; empty: nothing.</summary>
    internal string KnownOf(IReadOnlyCollection<TaskState> states)
    {
        if (states.Count == 0) return "";
        if (states.All(s => s is not (TaskState.Completed or TaskState.Failed))) return $" AND t.{Et} IS NULL";
        return states.All(s => s is TaskState.Completed or TaskState.Failed) ? $" AND t.{Et} IS NOT NULL" : "";
    }

    // An open record without an attempt left counts as failed, but has no end yet, which the leader gives it in a moment. No index has it among
    // the failed ones, no order of the end lists it, and nothing makes it pending again: so nothing that asks for failed ones finds it.
    private string InStates(IReadOnlyCollection<TaskState> states) => states.Count == 0 || states.Distinct().Count() == Enum.GetValues<TaskState>().Length
        ? ""
        : $" AND ({StateOf(exhausted: "Exhausted")}) IN ({string.Join(", ", states.Distinct().Order().Select(s => $"'{s}'"))})";
}
