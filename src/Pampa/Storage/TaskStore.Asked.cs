using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What the database says to what people ask, in words for them.</summary>
internal sealed partial class TaskStore
{
    private Task<T> AskedAsync<T>(TaskFilter filter, Func<Task<T>> askAsync, CancellationToken stopping) =>
        AskedAsync(new TaskQuery { Filter = filter }, askAsync, stopping);

    private async Task<T> AskedAsync<T>(TaskQuery query, Func<Task<T>> askAsync, CancellationToken stopping)
    {
        try
        {
            return await askAsync();
        }
        catch (SnippetException e)
        {
            throw CallersFault.OfCode(Job.Name, e);
        }
        catch (Exception e) when (database.Dialect.IsStatementTimeout(e) || Database.IsTimeout(e))
        {
            throw new TimeoutException(
                $"Job '{Job.Name}': the database needs longer than {Database.LongestPage.TotalSeconds} s for this. {HelpFor(query)}", e);
        }
        catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Data or ErrorKind.Schema && e is not ArgumentException)
        {
            foreach (var condition in query.Filter.Where)
            {
                if (await RefusalAsync(condition, stopping) is { } refusal)
                    throw Sql.Fault($"condition '{condition}': the database does not take it: {refusal}", e);
            }
            // A text that is no key of this table: what the caller gave, not a fault of the database.
            if (database.Dialect.Classify(e) == ErrorKind.Data) throw Sql.Fault($"the database does not take a key or a text of the filter: {e.Message.ReplaceLineEndings(" ")}", e);
            throw;
        }
    }

    // What makes just this quick: what would not help is not worth anybody's try.
    private string HelpFor(TaskQuery query)
    {
        var end = Table.State[(int)StateColumn.EndTime].Name;
        var equal = query.Filter.Where.Where(c => c.Operator == ColumnOperator.Equal);
        List<string> narrow = [.. equal.Select(c => Sql.RequireColumn(c.Column).Name).Distinct(StringComparer.Ordinal)];
        var ofFailed = new Search { States = query.Filter.States }.IsOfFailed;
        return query.Order switch
        {
            TaskOrder.LongestRunning => "Ask for another order: what runs longest the verb 'top' shows, however many records there are.",
            TaskOrder.LatestEnd when narrow.Count > 0 => $"Ask for another order, or make an index on {string.Join(", ", narrow)}, {end}, in which such records stand in the order of their end.",
            TaskOrder.LatestEnd when ofFailed => $"Failed records in the order of their end need the index {Schema.FailedIndexName(Table)}, which the verb 'migrate' makes; by key they are found without it.",
            TaskOrder.LatestEnd => "Ask for another order, or for a time: where few match among many that have ended, they are found by key, a part of the table at a time.",
            _ => "Ask for less, or look at what keeps the database busy: no more than a part of the table is looked at at a time.",
        };
    }

    // Why the database does not take a condition; null: it does, as far as can be seen in the time.
    private async Task<string?> RefusalAsync(ColumnCondition condition, CancellationToken stopping)
    {
        var parameters = new List<(string Name, object? Value)>();
        var probe = new Statement(Sql.Probe(condition, parameters));
        probe.Parameters.AddRange(parameters);
        try
        {
            await database.LookAsync(unit => unit.QueryAsync(probe, _ => true), stopping, LookFor.Page);
            return null;
        }
        catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Data or ErrorKind.Schema)
        {
            return e.Message.ReplaceLineEndings(" ").Split(" POSITION:")[0].TrimEnd('.', ' ');
        }
        catch (Exception e) when (database.Dialect.IsStatementTimeout(e) || Database.IsTimeout(e))
        {
            return null;
        }
    }
}
