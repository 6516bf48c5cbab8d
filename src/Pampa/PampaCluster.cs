using System.Data.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>
/// A cluster as a program sees it: what there is to do, and what to do about it. In an application it comes from
/// dependency injection (<see cref="PampaServices"/>); its methods wait until the application has started. A program of
/// its own opens one with <see cref="OpenAsync(Action{PampaBuilder}, CancellationToken)"/>. Safe for use by several threads.
/// </summary>
/// <remarks>
/// Methods that take a job's name throw <see cref="ArgumentException"/> where the program has no such job, and what the
/// database driver throws where the database does not answer.
/// </remarks>
public sealed partial class PampaCluster : IAsyncDisposable
{
    private readonly ClusterAccess access;
    private readonly Func<ValueTask>? disposeAsync;

    internal PampaCluster(ClusterAccess access, Func<ValueTask>? disposeAsync = null)
    {
        this.access = access;
        this.disposeAsync = disposeAsync;
    }

    /// <summary>
    /// Opens a cluster without workers and without loops: for a tool that reports, relaunches or retries, or that calls
    /// the dispatcher's steps in a loop of its own.
    /// </summary>
    /// <param name="configure">Adds the jobs, as in <see cref="PampaApp.RunAsync(string[], Action{PampaBuilder})"/>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public static async Task<PampaCluster> OpenAsync(Action<PampaBuilder> configure, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var program = new PampaBuilder();
        configure(program);
        var choice = await DatabaseChoice.Choose(null, program.Database, Environment.GetEnvironmentVariable).RecogniseAsync(cancellationToken);
        return await OpenAsync(program, choice.Address, SchemaChanges.Own, cancellationToken);
    }

    internal static async Task<PampaCluster> OpenAsync(PampaBuilder program, DatabaseAddress address, SchemaChanges changes, CancellationToken stopping)
    {
        var engine = await Engine.PrepareAsync(
            program, address, ProcessRole.All, new Surroundings(NullLoggerFactory.Instance, TimeProvider.System, Chance.Shared), stopping, changes,
            isToRun: false);
        var access = new ClusterAccess();
        access.Set(engine.Parts);
        return new PampaCluster(access, engine.DisposeAsync);
    }

    /// <summary>The names of the program's jobs, in the order in which they were added.</summary>
    public async Task<IReadOnlyList<string>> JobsAsync(CancellationToken cancellationToken = default) =>
        [.. (await access.GetAsync(cancellationToken)).Stores.Select(s => s.Job.Name)];

    /// <summary>Counts a job's records by state, and says how fast all processes together end them.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="exact">
    /// True: every record is counted, which reads the whole table. False (the default): at most 250,000 open and 250,000
    /// ended ones, which is quick on a table of any size; see <see cref="Report.IsExact"/>.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Report> ReportAsync(string job, bool exact = false, CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        var store = Find(parts, job);
        var report = exact ? await store.ReportAsync(cancellationToken) : await store.ReportAsync(Limits.CountedRows, cancellationToken);
        var rates = await parts.Tables.Cluster.ReadRatesAsync(cancellationToken);
        return rates.FindIndex(r => r.Job == report.Job) is var at and >= 0 ? report with { PerSecond = rates[at].PerSecond } : report;
    }

    /// <summary>Says who dispatches and who works: the leader and the nodes of all processes.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ClusterInfo> InfoAsync(CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        return await LookAsync(parts.Tables, parts.Stores, parts.Nodes, cancellationToken);
    }

    internal static async Task<ClusterInfo> LookAsync(
        ClusterTables tables, IReadOnlyList<TaskStore> stores, IReadOnlyList<string> nodes, CancellationToken stopping)
    {
        var info = await tables.Cluster.ReadAsync(Engine.ClusterScope, stopping);
        var held = await tables.Control.ReadHoldsAsync(stopping);
        var holds = new Holds(held.Select(h => h.Hold));
        var shares = await tables.Control.ReadSharesAsync(stopping);
        return info with
        {
            Workers = [.. info.Workers.Select(w => w with { IsAttached = !holds.IsWorkerHeld(w.Id, w.Node) })],
            AbsentNodes = [.. nodes.Where(name => !info.Nodes.Any(n => Holds.IsOf(n.Name, name)))],
            Jobs = [.. shares.Where(s => stores.Any(j => j.Job.Name == s.Job)).Select(s => new JobWorkersInfo(s.Job, s.Workers, s.Wanted, s.Reason))],
            Held = [.. held.Select(HeldOf)],
        };
    }

    /// <summary>Lists a job's records in the order of their keys.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="state">Only records in this state. Default null: all.</param>
    /// <param name="after">The key after which to go on: the last one of the page before. Default null: from the first.</param>
    /// <param name="limit">At most so many. 1 to 10,000; default 100.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<TaskInfo>> TasksAsync(
        string job, TaskState? state = null, string? after = null, int limit = 100, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, Limits.ListedRows);
        var store = Find(await access.GetAsync(cancellationToken), job);
        var cursor = after is null ? default(TaskKey?) : ParseKey(store, after);
        return await WithKeysAsync(store, () => store.ListAsync(state, cursor, limit, cancellationToken));
    }

    /// <summary>
    /// Makes the dispatcher look for due records at once, instead of when its interval is over: the one of this process,
    /// and on PostgreSQL those of all processes. A hint: nothing depends on it, and a lost one costs an interval.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WakeAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).WakeAsync(null, cancellationToken);

    /// <summary>
    /// Makes ended records pending again, with all their attempts. A record that changes meanwhile is left alone.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="keys">Which ones; null: all that have ended when the call begins.</param>
    /// <param name="cancellationToken">Gives up; what is relaunched by then stays so.</param>
    /// <returns>How many were made pending.</returns>
    public Task<long> RelaunchAsync(string job, IReadOnlyCollection<string>? keys = null, CancellationToken cancellationToken = default) =>
        AgainAsync(job, keys, [TaskState.Completed, TaskState.Failed], cancellationToken);

    /// <summary>
    /// Makes failed records pending again, with all their attempts and the same <see cref="PampaTask.IdempotencyKey"/>. A
    /// record that changes meanwhile is left alone.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="keys">Which ones; null: all that have failed when the call begins.</param>
    /// <param name="cancellationToken">Gives up; what is to be retried by then stays so.</param>
    /// <returns>How many were made pending.</returns>
    public Task<long> RetryAsync(string job, IReadOnlyCollection<string>? keys = null, CancellationToken cancellationToken = default) =>
        AgainAsync(job, keys, [TaskState.Failed], cancellationToken);

    /// <summary>
    /// The dispatcher's first step alone: decides which workers serve which job. It does nothing while
    /// another process leads.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many workers came to a job or left one.</returns>
    public async Task<int> StretchAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Dispatcher.StretchAsync(cancellationToken);

    /// <summary>
    /// The dispatcher's second step alone: takes back what dead workers held and what is overdue, ends records that have no
    /// attempt left, and makes those pending again that their jobs relaunch by themselves (<see
    /// cref="JobBuilder.RelaunchAfter"/>). It does nothing while another process leads.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many records it changed.</returns>
    public async Task<int> RelaunchAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Dispatcher.RelaunchAsync(cancellationToken);

    /// <summary>
    /// The dispatcher's third step alone: reserves due records for workers that run low, on all nodes. It does
    /// nothing while another process leads.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many records it reserved.</returns>
    public async Task<int> DispatchAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Dispatcher.DispatchAsync(cancellationToken);

    /// <summary>
    /// Closes what <see cref="OpenAsync(Action{PampaBuilder}, CancellationToken)"/> opened; one from dependency injection
    /// has nothing to close.
    /// </summary>
    public ValueTask DisposeAsync() => disposeAsync?.Invoke() ?? default;

    private async Task<long> AgainAsync(string job, IReadOnlyCollection<string>? keys, TaskState[] states, CancellationToken stopping)
    {
        var parts = await access.GetAsync(stopping);
        var store = Find(parts, job);
        var again = 0L;
        if (keys is not null)
        {
            var parsed = keys.Distinct(StringComparer.Ordinal).Select(k => ParseKey(store, k)).ToList();
            var ended = await WithKeysAsync(store, () => store.ReadEndedAsync(parsed, stopping));
            foreach (var state in states)
                again += (await store.RelaunchAsync([.. ended.Where(e => e.State == state).Select(e => (e.Key, e.EndedAt))], state, stopping)).Count;
        }
        else
        {
            foreach (var state in states) again += await AllAgainAsync(store, state, stopping);
        }
        if (again > 0) await parts.WakeAsync(job, stopping);
        return again;
    }

    // What ends again while this goes on is not taken a second time: only what had ended when it began.
    private static async Task<long> AllAgainAsync(TaskStore store, TaskState state, CancellationToken stopping)
    {
        var began = TimeProvider.System.GetTimestamp();
        var rows = store.Database.Dialect.MaxRows;
        var again = 0L;
        while (true)
        {
            var ended = await store.ReadEndedAsync(state, rows, stopping, TimeProvider.System.GetElapsedTime(began));
            var done = ended.Count == 0 ? 0 : (await store.RelaunchAsync(ended, state, stopping)).Count;
            again += done;
            // None of a whole page could be taken: others are at the same, and have taken them.
            if (ended.Count < rows || done == 0) return again;
        }
    }

    private static TaskKey ParseKey(TaskStore store, string text) => store.TryParseKey(text, out var key)
        ? key
        : throw Fault($"Job '{store.Job.Name}': a key has {store.Table.Key.Count} parts ({string.Join(", ", store.Table.Key.Select(k => k.Name))}) with commas between them, got '{text}'. A comma inside a part is written as \\,.");

    private static TaskStore Find(ClusterParts parts, string job)
    {
        ArgumentNullException.ThrowIfNull(job);
        var names = parts.Stores.Select(s => s.Job.Name).ToList();
        var at = names.IndexOf(job);
        return at >= 0
            ? parts.Stores[at]
            : throw Fault($"There is no job '{job}'{Suggestion.For(job, names)}. Jobs are {string.Join(", ", names)}.");
    }

    /// <summary>Marks errors that the caller has made, so that the command line can tell them from faults.</summary>
    internal const string CallersFault = "Pampa.CallersFault";

    private static ArgumentException Fault(string message, Exception? cause = null)
    {
        var fault = new ArgumentException(message, cause);
        fault.Data[CallersFault] = true;
        return fault;
    }

    // A text that is no key of this table: what the caller gave, not a fault of the database.
    private static async Task<T> WithKeysAsync<T>(TaskStore store, Func<Task<T>> runAsync)
    {
        try
        {
            return await runAsync();
        }
        catch (DbException e) when (store.Database.Dialect.Classify(e) == ErrorKind.Data)
        {
            throw Fault($"Job '{store.Job.Name}': the database does not take a key: {e.Message}", e);
        }
    }
}
