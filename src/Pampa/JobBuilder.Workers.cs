using System.Diagnostics.CodeAnalysis;
using Pampa.Jobs;

namespace Pampa;

/// <content>Which workers get work of the job, and which of them first.</content>
public sealed partial class JobBuilder
{
    private Func<Sql>? allowWhere;
    private Func<AllowContext, CancellationToken, Task<bool>>? allowAsync;
    private WorkerOrder? workerOrder;

    /// <summary>
    /// Which workers may be given work of this job now, as a condition on <c>worker.id</c> and <c>worker.node</c>:
    /// <c>$"EXISTS (SELECT 1 FROM clients AS c WHERE c.node = worker.node AND c.credits > 0)"</c>. One statement asks it of
    /// all workers, at most once a second; with <see cref="Allow(Func{AllowContext, CancellationToken, Task{bool}})"/> both
    /// must be so. Where it fails, or has no answer within 5 s, nobody is given work of the job until it has; one line tells.
    /// Default: all.
    /// </summary>
    [DisallowNull]
    public Sql? AllowWhere
    {
        get => allowWhere?.Invoke();
        set => allowWhere = () => value;
    }

    /// <summary>As <see cref="AllowWhere"/>, with values that are taken anew for every statement.</summary>
    /// <param name="condition">Called often: it must be quick and must not throw.</param>
    public void AllowWhereEachCycle(Func<Sql> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        allowWhere = condition;
    }

    /// <summary>
    /// Code that says whether a worker may be given work of this job now, by the credits of a client, say. The dispatcher that
    /// leads asks it, of workers on whatever node, at most once a second for each worker and beside its own work, up to eight
    /// workers at the same time; what it says holds until the next answer. A worker that may not is given nothing of the job and
    /// serves others meanwhile; what it has in hand already it does. Until the first answer nobody may. What throws is a no, and
    /// so is what does not answer within 5 s; one line tells when that begins, and one when it is over.
    /// </summary>
    /// <param name="allowAsync">Its token is cancelled when the program stops, and after 5 s.</param>
    public void Allow(Func<AllowContext, CancellationToken, Task<bool>> allowAsync)
    {
        ArgumentNullException.ThrowIfNull(allowAsync);
        if (this.allowAsync is not null) errors.Add("Allow is called twice; a job has one such code: ask for both in one");
        this.allowAsync = allowAsync;
    }

    /// <inheritdoc cref="Allow(Func{AllowContext, CancellationToken, Task{bool}})"/>
    /// <param name="allow">May block its thread for a moment.</param>
    public void Allow(Func<AllowContext, bool> allow)
    {
        ArgumentNullException.ThrowIfNull(allow);
        Allow((worker, _) => Task.FromResult(allow(worker)));
    }

    /// <summary>
    /// Which of the workers that serve the job gets the next record: the one with the least key, and among equals the one with
    /// the least in hand. It is asked anew for each record, with what the worker was just given counted. So <c>w =&gt; w.InHand</c>
    /// is as without it; <c>w =&gt; (w.InHand, w.Node != "fast")</c> deals in turns and prefers a node where records are few;
    /// <c>w =&gt; w.Node != "fast"</c> gives the others something only when that node's workers have their fill; <c>w =&gt;
    /// w.InHand / SpeedOf(w.Node)</c> weighs. Where <see cref="MaxAssignedWorkers"/> leaves a choice it decides who serves the job, too. It only
    /// orders: hands that are more than half full wait as ever, so that records travel in batches.
    /// </summary>
    /// <typeparam name="TKey">A number, a text, a tuple of such.</typeparam>
    /// <param name="key">
    /// Called often, in the loop that dispatches: it must be quick and give the same for the same. Where it throws, the emptiest hands
    /// are dealt to first until it does no more; one line tells when that begins, and one when it is over.
    /// </param>
    public void WorkerOrderBy<TKey>(Func<CandidateWorker, TKey> key) where TKey : IComparable<TKey>
    {
        ArgumentNullException.ThrowIfNull(key);
        if (workerOrder is not null) errors.Add("WorkerOrderBy is called twice; a job has one order of workers: return a tuple for several keys");
        workerOrder = new WorkerOrder<TKey>(key);
    }

    private Allowing? Allowing() => allowWhere is null && allowAsync is null ? null : new Allowing { Where = allowWhere, AskAsync = allowAsync };
}
