using System.Runtime.CompilerServices;
using Pampa.Jobs;

namespace Pampa;

/// <content>What is done when tasks start, have ended or run again.</content>
public sealed partial class JobBuilder
{
    private readonly Hooks hooks = new();

    /// <summary>
    /// A statement that is part of the transaction in which an attempt starts: <c>job.OnStarting(t =&gt; $"UPDATE clients SET credits =
    /// credits - 1 WHERE id = {t["client_id"]}")</c>. Both are committed, or neither. Tasks of such a job start one by one, each
    /// in a transaction of its own, which costs most of the speed of short ones. Where the database refuses the statement, or the
    /// function throws, the attempt has failed with that text and the handler does not run; a lock or a serialization failure is tried
    /// again, at no cost; a statement that does not fit the database suspends the job.
    /// May be called several times; the statements run in order, before code.
    /// </summary>
    /// <param name="statement">
    /// Called in the transaction, and again where that is repeated: it must be quick and only make the statement. Null: there is nothing
    /// to do for this task.
    /// </param>
    [OverloadResolutionPriority(3)]
    public void OnStarting(Func<TaskEvent, Sql?> statement) => Hook(HookKind.Starting, statement);

    /// <summary>
    /// Code that runs when an attempt has started, before its handler and in its worker, within <see cref="MaxDuration"/>. The start is
    /// committed by then. What it throws is told in one line, and the handler runs all the same.
    /// </summary>
    /// <param name="code">May be called again for an attempt that did not count.</param>
    [OverloadResolutionPriority(2)]
    public void OnStarting(Func<TaskEvent, Task> code) => Hook(HookKind.Starting, code);

    /// <inheritdoc cref="OnStarting(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(1)]
    public void OnStarting(Func<TaskEvent, ValueTask> code) => Hook(HookKind.Starting, code);

    /// <inheritdoc cref="OnStarting(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(0)]
    public void OnStarting(Action<TaskEvent> code) => Hook(HookKind.Starting, code);

    /// <summary>
    /// A statement that is part of the transaction in which an attempt ends, whatever comes of it: see <see cref="TaskEvent.Outcome"/>
    /// and <see cref="TaskEvent.Error"/>. With <see cref="ProcessInTransaction(Action{PampaTask, System.Data.Common.DbConnection,
    /// System.Data.Common.DbTransaction})"/> it is part of the task's transaction. It is run for each attempt whose <c>OnStarting</c>
    /// was committed, also for one that was lost with its worker. Results of such a job are written one by one, each in a transaction
    /// of its own. Where the database refuses the statement, or the function throws, the attempt has failed with that text, and the
    /// statement is asked for anew with that outcome; one that is refused for a failed attempt, too, is left out, and one line tells.
    /// </summary>
    /// <param name="statement">As that of <see cref="OnStarting(Func{TaskEvent, Sql})"/>.</param>
    [OverloadResolutionPriority(3)]
    public void OnFinished(Func<TaskEvent, Sql?> statement) => Hook(HookKind.Finished, statement);

    /// <summary>
    /// Code that runs when an attempt has ended, whatever came of it: see <see cref="TaskEvent.Outcome"/> and <see
    /// cref="TaskEvent.Error"/>. It runs once that is committed, beside the work: up to 16 of a job at the same time, in no order, each
    /// with a minute. What it throws is told in one line, and nothing else comes of it. It is missing where the process dies before.
    /// </summary>
    /// <param name="code">May be called again for an attempt that did not count.</param>
    [OverloadResolutionPriority(2)]
    public void OnFinished(Func<TaskEvent, Task> code) => Hook(HookKind.Finished, code);

    /// <inheritdoc cref="OnFinished(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(1)]
    public void OnFinished(Func<TaskEvent, ValueTask> code) => Hook(HookKind.Finished, code);

    /// <inheritdoc cref="OnFinished(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(0)]
    public void OnFinished(Action<TaskEvent> code) => Hook(HookKind.Finished, code);

    /// <summary>
    /// A statement that is part of the transaction in which an ended record is made pending again: by <see cref="RelaunchAfter"/> and
    /// the like, by <see cref="PampaCluster.RelaunchAsync(string, IReadOnlyCollection{string}, CancellationToken)"/> and <see
    /// cref="PampaCluster.RetryAsync"/>, by the verbs <c>relaunch</c> and <c>retry</c>. A record whose statement the database refuses
    /// stays as it is; one line tells, or the caller gets the error.
    /// </summary>
    /// <param name="statement">As that of <see cref="OnStarting(Func{TaskEvent, Sql})"/>.</param>
    [OverloadResolutionPriority(3)]
    public void OnRelaunched(Func<TaskEvent, Sql?> statement) => Hook(HookKind.Relaunched, statement);

    /// <summary>
    /// Code that runs when an ended record was made pending again, as that of <see cref="OnFinished(Func{TaskEvent, Task})"/> and in the
    /// process that did it. The record may run again by then.
    /// </summary>
    /// <param name="code">What it throws is told in one line.</param>
    [OverloadResolutionPriority(2)]
    public void OnRelaunched(Func<TaskEvent, Task> code) => Hook(HookKind.Relaunched, code);

    /// <inheritdoc cref="OnRelaunched(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(1)]
    public void OnRelaunched(Func<TaskEvent, ValueTask> code) => Hook(HookKind.Relaunched, code);

    /// <inheritdoc cref="OnRelaunched(Func{TaskEvent, Task})"/>
    [OverloadResolutionPriority(0)]
    public void OnRelaunched(Action<TaskEvent> code) => Hook(HookKind.Relaunched, code);

    private void Hook(HookKind kind, Func<TaskEvent, Sql?> statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        hooks.Add(kind, statement);
    }

    private void Hook(HookKind kind, Func<TaskEvent, Task> code)
    {
        ArgumentNullException.ThrowIfNull(code);
        hooks.Add(kind, code);
    }

    private void Hook(HookKind kind, Func<TaskEvent, ValueTask> code)
    {
        ArgumentNullException.ThrowIfNull(code);
        hooks.Add(kind, about => code(about).AsTask());
    }

    private void Hook(HookKind kind, Action<TaskEvent> code)
    {
        ArgumentNullException.ThrowIfNull(code);
        hooks.Add(kind, about =>
        {
            code(about);
            return Task.CompletedTask;
        });
    }
}
