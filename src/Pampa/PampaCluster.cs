using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>
/// A cluster as a program sees it: what there is to do, and what to do about it. In an application it comes from
/// dependency injection (<see cref="PampaServices"/>); its methods wait until the application has started. A program of
/// its own opens one with <see cref="OpenAsync(Action{PampaBuilder}, ILoggerFactory, CancellationToken)"/>. Safe for use by several threads.
/// </summary>
/// <remarks>
/// Methods that take a job's name throw <see cref="ArgumentException"/> where the program has no such job, and what the
/// database driver throws where the database does not answer. Those that look for records of it, or count them, throw <see
/// cref="InvalidOperationException"/> where the job's own condition throws (<see cref="JobBuilder.WhereEachCycle"/>).
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
    /// <param name="logs">
    /// Where is told what goes wrong beside the calls, and comes back from none of them: what the code of hooks throws, and what has not been told
    /// when the cluster is closed. Default null: nowhere.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public static async Task<PampaCluster> OpenAsync(
        Action<PampaBuilder> configure, ILoggerFactory? logs = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var program = new PampaBuilder();
        configure(program);
        var choice = await DatabaseChoice.Choose(null, program.Database, Environment.GetEnvironmentVariable).RecogniseAsync(cancellationToken);
        return await OpenAsync(program, choice.Address, SchemaChanges.Own, logs ?? NullLoggerFactory.Instance, cancellationToken);
    }

    internal static Task<PampaCluster> OpenAsync(PampaBuilder program, DatabaseAddress address, SchemaChanges changes, CancellationToken stopping) =>
        OpenAsync(program, address, changes, NullLoggerFactory.Instance, stopping);

    internal static async Task<PampaCluster> OpenAsync(
        PampaBuilder program, DatabaseAddress address, SchemaChanges changes, ILoggerFactory logs, CancellationToken stopping,
        List<(string Job, string Why)>? misfits = null)
    {
        var engine = await Engine.PrepareAsync(
            program, address, ProcessRole.All, new Surroundings(logs, TimeProvider.System, Chance.Shared) { Misfits = misfits }, stopping, changes,
            isToRun: false);
        var access = new ClusterAccess();
        var parts = engine.Parts with { WaitsForHooks = true };
        access.Set(parts);
        return new PampaCluster(access, () => CloseAsync(engine, parts));
    }

    // Steps wait for no hooks, and an action that somebody has given up did not: what they were to tell would be cut off in the middle.
    private static async ValueTask CloseAsync(Engine engine, ClusterParts parts)
    {
        try
        {
            await Task.WhenAll(parts.Stores.Select(s => s.Calls).OfType<HookCalls>().Where(calls => !calls.IsInside)
                .Select(calls => calls.TellAllAsync(HookCalls.Deadline, CancellationToken.None)));
        }
        finally
        {
            await engine.DisposeAsync();
        }
    }

    /// <summary>The names of the program's jobs, in the order in which they were added.</summary>
    public async Task<IReadOnlyList<string>> JobsAsync(CancellationToken cancellationToken = default) =>
        [.. (await access.GetAsync(cancellationToken)).Stores.Select(s => s.Job.Name)];

    /// <summary>
    /// Counts a job's records by state, or has the job count them (<see cref="JobBuilder.Report(Func{ReportContext, CancellationToken,
    /// Task{Report}})"/>), and says how fast all processes together end them.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="exact">
    /// True: every record is counted, which reads the whole table. False (the default): at most 250,000 open and 250,000
    /// ended ones, which is quick on a table of any size; see <see cref="Report.IsExact"/>.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Report> ReportAsync(string job, bool exact = false, CancellationToken cancellationToken = default) =>
        CountedAsync(job, exact, null, cancellationToken);

    /// <summary>The same for somebody who does not wait long for code of the job's own that counts.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="exact">Whether every record is counted.</param>
    /// <param name="ownWithin">
    /// How long that code may take, instead of 30 s; more than zero. Where it needs longer, the records are counted without it and <see
    /// cref="Report.Fault"/> says so. It is told to end when nobody waits for it any more, and is not called again before it has.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<Report> ReportAsync(string job, bool exact, TimeSpan ownWithin, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ownWithin, TimeSpan.Zero);
        return CountedAsync(job, exact, ownWithin, cancellationToken);
    }

    private async Task<Report> CountedAsync(string job, bool exact, TimeSpan? ownWithin, CancellationToken cancellationToken)
    {
        var parts = await access.GetAsync(cancellationToken);
        var store = Find(parts, job);
        var report = await AskedAsync(store, () => store.CountedAsync(exact, cancellationToken, ownWithin));
        var rates = await parts.Tables.Cluster.ReadRatesAsync(cancellationToken);
        return rates.FindIndex(r => r.Job == report.Job) is var at and >= 0 ? report with { PerSecond = report.PerSecond ?? rates[at].PerSecond } : report;
    }

    private static async Task<T> AskedAsync<T>(TaskStore store, Func<Task<T>> askAsync)
    {
        try
        {
            return await askAsync();
        }
        catch (SnippetException e)
        {
            throw Jobs.CallersFault.OfCode(store.Job.Name, e);
        }
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
        // Whoever looks shall see what is obeyed, which may be what another version of the program has said.
        await new PublishedLimits(tables.Cluster, [.. stores.Select(s => s.Job)], NullLogger.Instance).CycleAsync(stopping);
        var info = await tables.Cluster.ReadAsync(Engine.ClusterScope, stopping);
        var held = await tables.Control.ReadHoldsAsync(stopping);
        var holds = new Holds(held.Select(h => h.Hold));
        var shares = await tables.Control.ReadSharesAsync(stopping);
        var said = await tables.Nodes.ReadAsync(stopping);
        return info with
        {
            Nodes = [.. info.Nodes.Select(n => WithVitals(n, said) with { WorkerOf = NodeOf(n.Name, info) })],
            Workers = [.. info.Workers.Select(w => w with { IsAttached = !holds.IsWorkerHeld(w.Id, w.Node), Running = RunningOf(w, said) })],
            AbsentNodes = [.. nodes.Where(name => !info.Nodes.Any(n => Holds.IsOf(n.Name, name)))],
            Jobs = [.. shares.Where(s => stores.Any(j => j.Job.Name == s.Job)).Select(s => new JobWorkersInfo(s.Job, s.Workers, s.Wanted, s.Reason))],
            Held = [.. held.Select(HeldOf)],
        };
    }

    private static string? NodeOf(string node, ClusterInfo info) =>
        info.Workers.Any(w => w.Id == node && w.Node == node) && node.LastIndexOf('.') is > 0 and var dot ? node[..dot] : null;

    private static NodeInfo WithVitals(NodeInfo node, List<NodeSaid> said) => said.Find(s => s.Node == node.Name) is not { Vitals: var vitals } ? node
        : node with { MemoryBytes = vitals.MemoryBytes, CpuCores = vitals.CpuCores, Limits = vitals.Limits };

    private static RunningTaskInfo? RunningOf(WorkerInfo worker, List<NodeSaid> said) => said.Find(s => s.Node == worker.Node) is not { } node ? null
        : node.Vitals.Tasks.Where(t => t.Worker == worker.Id).Select(t => new RunningTaskInfo(t.Job, t.Key, t.For + node.Age)).FirstOrDefault();

    /// <summary>
    /// Makes the dispatcher look for due records at once, instead of when its interval is over: the one of this process,
    /// and on PostgreSQL those of all processes. A hint: nothing depends on it, and a lost one costs an interval.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task WakeAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).WakeAsync(null, cancellationToken);

    /// <summary>
    /// Makes ended records pending again, with all their attempts. A record that changes meanwhile is left alone. A completed
    /// one has another <see cref="PampaTask.IdempotencyKey"/> from then on if the job has <see cref="TaskColumns.Generation"/>;
    /// without that column it keeps the one it had.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="keys">Which ones; null: all that have ended when the call begins.</param>
    /// <param name="cancellationToken">Gives up; what is relaunched by then stays so.</param>
    /// <returns>How many were made pending.</returns>
    public Task<long> RelaunchAsync(string job, IReadOnlyCollection<string>? keys = null, CancellationToken cancellationToken = default) =>
        AgainAsync(job, TaskAction.Relaunch, keys, cancellationToken);

    /// <summary>
    /// Makes failed records pending again, with all their attempts and the same <see cref="PampaTask.IdempotencyKey"/>. A
    /// record that changes meanwhile is left alone.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="keys">Which ones; null: all that have failed when the call begins.</param>
    /// <param name="cancellationToken">Gives up; what is to be retried by then stays so.</param>
    /// <returns>How many were made pending.</returns>
    public Task<long> RetryAsync(string job, IReadOnlyCollection<string>? keys = null, CancellationToken cancellationToken = default) =>
        AgainAsync(job, TaskAction.Retry, keys, cancellationToken);

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
    /// <remarks>
    /// It does not wait for the hooks of what it relaunches. Where more than 10,000 calls of a job's hooks are still to be made, a cluster that
    /// was opened (<see cref="OpenAsync(Action{PampaBuilder}, ILoggerFactory, CancellationToken)"/>) waits until they are fewer, after it has
    /// taken back what dead workers held. Where none of those that are being made ends, in an application, and out of a hook, nothing of that job
    /// is relaunched, and a line in the log says so, one a minute; the other jobs are.
    /// </remarks>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many records it changed.</returns>
    public async Task<int> RelaunchAsync(CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        if (!parts.WaitsForHooks) return await parts.Dispatcher.RelaunchAsync(cancellationToken);
        // What dead workers held need not wait for any hook.
        var takenBack = await parts.Dispatcher.TakeBackAsync(cancellationToken);
        foreach (var calls in parts.Stores.Select(s => s.Calls).OfType<HookCalls>().Where(calls => !calls.IsInside))
            await calls.UntilAsync(Limits.RelaunchRows).WaitAsync(cancellationToken);
        return takenBack + await parts.Dispatcher.RelaunchEndedAsync(cancellationToken);
    }

    /// <summary>
    /// The dispatcher's third step alone: reserves due records for workers that run low, on all nodes. It does
    /// nothing while another process leads.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many records it reserved.</returns>
    public async Task<int> DispatchAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Dispatcher.DispatchAsync(cancellationToken);

    /// <summary>
    /// Closes what <see cref="OpenAsync(Action{PampaBuilder}, ILoggerFactory, CancellationToken)"/> opened; one from dependency injection
    /// has nothing to close. Waits for the hooks that were caused by it, for a minute at most (and not in one of them).
    /// </summary>
    public ValueTask DisposeAsync() => disposeAsync?.Invoke() ?? default;

    // What ends again while this goes on is not taken a second time: only what had ended when it began.
    private async Task<long> AgainAsync(string job, TaskAction action, IReadOnlyCollection<string>? keys, CancellationToken stopping)
    {
        var filter = new TaskFilter { Keys = keys };
        if (keys is null) filter = filter with { Until = await NowAsync(stopping) + TimeSpan.FromMilliseconds(1) };
        var options = new TaskActionOptions { All = true, ChunkSize = Limits.StatementRows, Pause = TimeSpan.Zero };
        return (await ApplyAsync(job, action, filter, options, null, stopping)).Changed;
    }

    private static TaskStore Find(ClusterParts parts, string job)
    {
        ArgumentNullException.ThrowIfNull(job);
        var names = parts.Stores.Select(s => s.Job.Name).ToList();
        var at = names.IndexOf(job);
        return at >= 0
            ? parts.Stores[at]
            : throw Fault($"There is no job '{job}'{Suggestion.For(job, names)}. Jobs are {string.Join(", ", names)}.");
    }

    /// <summary>Marks errors that the caller or the program has made, so that the command line can tell them from faults.</summary>
    internal const string CallersFault = Jobs.CallersFault.Mark;

    private static ArgumentException Fault(string message, Exception? cause = null) => Jobs.CallersFault.Of(message, cause);
}
