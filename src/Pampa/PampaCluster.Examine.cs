using System.Data.Common;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>Looking closely: what is wrong, why a record does not run, what comes next. Nothing here changes anything.</summary>
public sealed partial class PampaCluster
{
    private const int MostBefore = 10_000;

    /// <summary>
    /// Examines database, tables, cluster and jobs: indexes and plans, bloat and what holds vacuum back, rights, settings that endanger
    /// what is acknowledged, clocks, records that are stuck. Each look takes 5 seconds at most and never reads a large table to its end;
    /// one that is not possible is a finding itself.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was found, the worst first; empty where there is nothing to say.</returns>
    public async Task<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        Task<ClusterInfo> LookAsync(CancellationToken stopping) => PampaCluster.LookAsync(parts.Tables, parts.Stores, parts.Nodes, stopping);
        return await new Examination(parts.Database, parts.Tables, parts.Stores, LookAsync, TimeProvider.System) { Schedules = parts.Scheduler.Schedules }
            .RunAsync(cancellationToken);
    }

    /// <summary>Explains why a record runs, or does not: every condition for that, and whether it holds.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="key">The record's key, as <see cref="TaskInfo.Key"/> has it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: the table has no record with this key.</returns>
    /// <exception cref="ArgumentException">There is no such job, or the text is no key of its table.</exception>
    public async Task<TaskExplanation?> ExplainAsync(string job, string key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        var parts = await access.GetAsync(cancellationToken);
        var store = Find(parts, job);
        var parsed = store.RequireKey(key);
        var info = await LookAsync(parts.Tables, parts.Stores, parts.Nodes, cancellationToken);
        if (await WithKeysAsync(store, () => store.ExamineAsync(parsed, cancellationToken)) is not { } record) return null;
        var holder = record.IsFree ? null : await parts.Tables.Cluster.ReadVitalAsync(record.Task.Worker!, cancellationToken);
        var locks = await TellAsync(store, () => store.LockHolderAsync(parsed, cancellationToken));
        var choice = store.Job.Selecting is null || !record.IsOpen ? default
            : await TellAsync(store, () => Selections.ChoiceAsync(store, record.Task.Key, cancellationToken));
        (int? Before, string? Error) place = (null, null);
        if (store.Job.Selecting is not null) place = (choice.Answer?.Before, choice.Error);
        else if (store.Job.LacksOrder) place = (null, "the job has an OrderBy that only its own program knows");
        else if (store.Job is { LacksCondition: false, LacksSelection: false }
            && record is { IsFree: true, IsOpen: true, HasAttempts: true, IsDue: true, Fits: true })
            place = await TellAsync(store, () => PlaceAsync(store, record.Task.Key, cancellationToken));
        var evidence = new Evidence(record, store.Job, info)
        {
            Holder = holder,
            SeesLocks = store.Database.Dialect.Examiner.SeesLocks,
            LockHolder = locks.Answer,
            LockError = locks.Error,
            Choice = choice.Answer,
            ChoiceError = choice.Error,
            Before = place.Before,
            BeforeError = place.Error,
        };
        return Explainer.Explain(evidence);
    }

    // A text that is no key of this table: what the caller gave, not a fault of the database.
    private static async Task<T> WithKeysAsync<T>(TaskStore store, Func<Task<T>> runAsync)
    {
        try
        {
            return await AskedAsync(store, runAsync);
        }
        catch (DbException e) when (store.Database.Dialect.Classify(e) == ErrorKind.Data)
        {
            throw Fault($"Job '{store.Job.Name}': the database does not take a key: {e.Message}", e);
        }
    }

    // Rights may be missing and tables be long: what cannot be told keeps nobody from the rest.
    private static async Task<(T? Answer, string? Error)> TellAsync<T>(TaskStore store, Func<Task<T>> askAsync)
    {
        try
        {
            return (await askAsync(), null);
        }
        catch (Exception e) when (e is DbException or TimeoutException or SnippetException && store.Database.Dialect.Classify(e) != ErrorKind.Other)
        {
            return (default, e.Message.ReplaceLineEndings(" ").TrimEnd('.'));
        }
    }

    private static async Task<int?> PlaceAsync(TaskStore store, string key, CancellationToken stopping)
    {
        var first = await store.Database.LookAsync(unit => store.PreviewAsync(unit, MostBefore + 1), stopping, LookFor.Keys);
        return first.FindIndex(t => t.Key == key) is var at and >= 0 ? at : null;
    }

    /// <summary>Shows what a job would reserve next, by which statement, and how the database would run it. Nothing is reserved.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="count">At most so many records. 1 to 10,000; default 20.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<JobPreview> PreviewAsync(string job, int count = 20, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Limits.ListedRows);
        var store = Find(await access.GetAsync(cancellationToken), job);
        return await AskedAsync(store, () => store.Job.Selecting is not null
            ? Selections.PreviewAsync(store, count, cancellationToken)
            : NextAsync(store, count, cancellationToken));
    }

    private static Task<JobPreview> NextAsync(TaskStore store, int count, CancellationToken stopping)
    {
        var pick = store.PickStatement();
        var names = pick.Parameters.Select(p => $"@{p.Name}").Where(pick.Text.Contains).ToList();
        return store.Database.LookAsync(
            async unit => new JobPreview(store.Job.Name, await store.PreviewAsync(unit, count), pick.Text, names, (await store.PlanAsync(unit)).Lines),
            stopping, LookFor.Keys);
    }
}
