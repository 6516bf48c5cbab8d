using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>What a job's own selection says of a record.</summary>
/// <param name="IsNamed">Whether it names it.</param>
/// <param name="Named">How many it names.</param>
/// <param name="IsWhole">Whether these are all, so that what is not among them is not named.</param>
/// <param name="Before">How many of those that can be reserved come first; null where the record is none of them.</param>
internal sealed record Choice(bool IsNamed, int Named, bool IsWhole, int? Before);

/// <summary>Looks at what a job's own selection names.</summary>
internal static class Selections
{
    /// <summary>What would be reserved next, and what would be passed by.</summary>
    public static async Task<JobPreview> PreviewAsync(TaskStore store, int count, CancellationToken stopping)
    {
        var named = await store.LookAtSelectionAsync(count, stopping);
        var tasks = (await store.EligibleAsync(named.Keys, stopping)).Take(count).ToList();
        var isStatement = store.Job.Selecting!.Statement is not null;
        var statement = isStatement ? store.SelectStatement(count) : store.PickNamedStatement(named.Keys);
        var plan = await store.Database.LookAsync(unit => store.PlanAsync(unit, statement), stopping, isStatement ? LookFor.Any : LookFor.Keys);
        var taken = tasks.Select(t => t.Key).ToHashSet(StringComparer.Ordinal);
        var last = tasks.Count < count ? named.Keys.Count : named.Keys.ToList().FindLastIndex(k => taken.Contains(store.Database.Dialect.Display(k)));
        var parameters = statement.Parameters.Select(p => $"@{p.Name}").Where(statement.Text.Contains).Distinct();
        return new JobPreview(store.Job.Name, tasks, statement.Text, [.. parameters], plan.Lines)
        {
            PassedBy = [.. named.Keys.Take(last).Select(store.Database.Dialect.Display).Where(k => !taken.Contains(k)), .. named.Misfits],
        };
    }

    /// <summary>What it says of a record, as far as it can be known.</summary>
    public static async Task<Choice> ChoiceAsync(TaskStore store, string key, CancellationToken stopping)
    {
        var named = await store.LookAtSelectionAsync(Limits.NamedRows, stopping);
        var isNamed = named.Keys.Any(k => store.Database.Dialect.Display(k) == key);
        var before = (await store.EligibleAsync(named.Keys, stopping)).FindIndex(t => t.Key == key);
        return new Choice(isNamed, named.Count, named.Rows < Limits.NamedRows, before >= 0 ? before : null);
    }
}
