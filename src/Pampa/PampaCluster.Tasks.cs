using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>Looking at records: pages, single ones, counts, failures.</summary>
public sealed partial class PampaCluster
{
    private const int MostGroups = 200;
    private const int MostEvents = 100;
    private const int ErrorCharacters = 1_000;
    private const int SampleCharacters = 500;

    /// <summary>
    /// A page of a job's records. However large the table is, it comes soon: where few records match, a call looks at so many and says how
    /// far it has come (<see cref="TaskPage.IsPartial"/>).
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="query">Which records, in which order. Default null: the first 100 by key.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">There is no such job or column, or a value or a key does not fit its column.</exception>
    /// <exception cref="TimeoutException">The database needs longer than two seconds.</exception>
    public async Task<TaskPage> TasksAsync(string job, TaskQuery? query = null, CancellationToken cancellationToken = default)
    {
        query ??= new TaskQuery();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(query.Limit, nameof(query));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(query.Limit, Limits.ListedRows, nameof(query));
        return await Find(await access.GetAsync(cancellationToken), job).PageAsync(query, cancellationToken);
    }

    /// <summary>A record in full, with what is known of its past.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="key">The record's key; the parts of a key of several columns with commas between them.</param>
    /// <param name="columns">The columns whose values are brought along. Default null: none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: there is no record of this key.</returns>
    /// <exception cref="ArgumentException">There is no such job or column, or the text is no key of its table.</exception>
    public async Task<TaskDetails?> TaskAsync(
        string job, string key, IReadOnlyCollection<string>? columns = null, CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        var store = Find(parts, job);
        if (await store.DetailsAsync(store.RequireKey(key), columns, cancellationToken) is not { } found) return null;
        return found with { History = await parts.Tables.History.ReadAsync(job, HistoryRow.NameOf(found.Task.Key), MostEvents, cancellationToken) };
    }

    /// <summary>What a job is, as a process of the cluster has published it last, whichever program and version that was.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: no process has published it, or none in a form that this version understands.</returns>
    /// <exception cref="ArgumentException">There is no such job.</exception>
    public async Task<JobInfo?> JobAsync(string job, CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        var name = Find(parts, job).Job.Name;
        var row = (await parts.Tables.Cluster.ReadPublishedAsync(cancellationToken)).Find(r => r.Job == name);
        return row is null ? null : PublishedJob.ReadInfo(name, row.Definition, row.Program);
    }

    /// <summary>The columns of a job's table, in the table's order.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<TaskColumn>> ColumnsAsync(string job, CancellationToken cancellationToken = default)
    {
        var table = Find(await access.GetAsync(cancellationToken), job).Table;
        return
        [
            .. table.Table.Columns.Select(c => new TaskColumn(
                c.Name, c.Type, table.Key.Any(k => k.Name == c.Name), table.State.Any(s => s.Name == c.Name) || table.Generation?.Name == c.Name)
            {
                IsError = table.State[(int)StateColumn.ErrorDescription].Name == c.Name,
            }),
        ];
    }

    /// <summary>
    /// Counts the records that match, up to a limit and for about a second. How many are in each state <see
    /// cref="ReportAsync(string, bool, CancellationToken)"/> tells.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="filter">Which records.</param>
    /// <param name="limit">At most so many are counted. 1 to 1,000,000; default 100,000.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">There is no such job or column, or a value or a key does not fit its column.</exception>
    public async Task<TaskCount> CountAsync(string job, TaskFilter filter, int limit = Limits.MatchedRows, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, Limits.MostMatched);
        return await Find(await access.GetAsync(cancellationToken), job).CountAsync(filter, limit, isHurried: true, cancellationToken);
    }

    /// <summary>
    /// The latest failures of a job in groups: texts that differ only by numbers, ids and what stands in quotes are of one group.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="window">How many failed records are looked at, the latest first. 1 to 100,000; default 10,000.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">There is no such job.</exception>
    /// <exception cref="TimeoutException">
    /// The database needs longer than two seconds: the table is large and lacks the index that <c>migrate</c> advises.
    /// </exception>
    public async Task<ErrorReport> ErrorsAsync(string job, int window = 10_000, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, Limits.MatchedRows);
        var store = Find(await access.GetAsync(cancellationToken), job);
        var failures = await store.ReadFailuresAsync(window + 1, ErrorCharacters, cancellationToken);
        var isComplete = failures.Count <= window;
        if (!isComplete) failures.RemoveAt(window);
        var groups = failures.GroupBy(f => ErrorPattern.Of(f.Error), StringComparer.Ordinal).Select(g =>
        {
            var latest = g.First();
            var text = ErrorText.Sanitise(latest.Error is { Length: >= ErrorCharacters } cut ? $"{cut}…" : latest.Error ?? "", SampleCharacters);
            return new ErrorGroup(g.Key, g.Count(), g.Min(f => f.EndedAt), g.Max(f => f.EndedAt), latest.Key, text);
        });
        var largest = groups.OrderByDescending(g => g.Count).ThenBy(g => g.Pattern, StringComparer.Ordinal).Take(MostGroups);
        return new ErrorReport([.. largest], failures.Count, isComplete);
    }
}
