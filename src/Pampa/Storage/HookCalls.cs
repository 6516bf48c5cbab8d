using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>
/// Calls the code of a job's hooks once what they are told of is committed: beside the work, a few at the same time. What it throws is
/// told, and nothing else comes of it.
/// </summary>
internal sealed partial class HookCalls(TaskStore store, DbDataSource handlers, ILogger log, TimeProvider time)
{
    /// <summary>How many are called at the same time. One that is given up keeps its place until it ends: it holds a thread or a connection.</summary>
    public const int MostAtOnce = 16;

    /// <summary>How long each may take.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    // Of which process or tool: one may open another, and act on it.
    private static readonly AsyncLocal<Database?> Inside = new();
    private readonly Queue<(HookKind Kind, TaskEvent About)> waiting = new();
    private readonly Lock gate = new();
    private readonly Telling stuck = new(time);
    private readonly Dictionary<int, TaskCompletionSource> waiters = [];
    private int callers;
    private int count;
    private int givenUp;

    /// <summary>
    /// Whether it is code of a hook that asks, of whatever job of this process or tool: what waits for the hooks would wait for itself.
    /// </summary>
    public bool IsInside => ReferenceEquals(Inside.Value, store.Database);

    /// <summary>What waits to be told, or is being told.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>What is worth waiting for: while calls that do not end have all places, nobody knows whether what waits will ever be told.</summary>
    public int Awaited
    {
        get
        {
            lock (gate) return givenUp == MostAtOnce ? 0 : count;
        }
    }

    /// <summary>Tells it when others have been told.</summary>
    public void Tell(HookKind kind, TaskEvent about)
    {
        if (!store.Job.Hooks.HasCode(kind)) return;
        lock (gate)
        {
            count++;
            waiting.Enqueue((kind, about));
            if (callers == MostAtOnce) return;
            callers++;
        }
        // Nothing of whoever tells it flows into the code: neither its scopes, nor that it is a hook itself.
        using (ExecutionContext.SuppressFlow()) _ = Task.Run(WorkOffAsync);
    }

    /// <summary>Tells it now.</summary>
    public async Task RunAsync(HookKind kind, TaskEvent about, CancellationToken stopping)
    {
        about.Source = handlers;
        about.CancellationToken = stopping;
        foreach (var codeAsync in store.Job.Hooks.Code(kind))
        {
            try
            {
                await codeAsync(about);
            }
            catch (Exception e)
            {
                Say(() => CodeFailed(log, about.Job, Hooks.NameOf(kind), about.Key, $"{e.GetType().Name}: {e.Message}"));
            }
        }
    }

    // A log may throw: whoever waits for what is told here must not wait for ever for that, nor may the calls behind it be lost.
    private static void Say(Action say)
    {
        try
        {
            say();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The log was where it would have been told.
        }
    }

    /// <summary>Whether every place is taken by a call that does not end, so that no other is made.</summary>
    public bool AreStuck
    {
        get
        {
            lock (gate) return givenUp == MostAtOnce;
        }
    }

    /// <summary>Ends when all has been told, or when nobody knows whether it ever will be.</summary>
    public Task IdleAsync() => UntilAsync(0);

    /// <summary>Ends when no more than so many are left to be told, or when nobody knows whether they ever will be.</summary>
    public Task UntilAsync(int most)
    {
        lock (gate)
        {
            if (count <= most || givenUp == MostAtOnce) return Task.CompletedTask;
            if (!waiters.TryGetValue(most, out var end)) waiters[most] = end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return end.Task;
        }
    }

    /// <summary>Waits until all has been told. What is not, although it is not waited for any longer, is said: it may be lost.</summary>
    public async Task TellAllAsync(TimeSpan atMost, CancellationToken stopping)
    {
        var all = IdleAsync();
        await all.WaitAsync(atMost, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stopping.ThrowIfCancellationRequested();
        int left;
        lock (gate) left = all.IsCompleted && givenUp < MostAtOnce ? 0 : count;
        if (left > 0) NotTold(log, store.Job.Name, left);
    }

    /// <summary>A hook's statement was refused, and what it was told of is written without it.</summary>
    public void LeftOut(TaskEvent? about, Exception error) =>
        StatementLeftOut(log, store.Job.Name, about?.Key ?? "?", about?.Outcome?.ToString() ?? "?", error.Message);

    private async Task WorkOffAsync()
    {
        try
        {
            while (TryTake(out var next)) await TellAsync(next.Kind, next.About);
        }
        catch
        {
            lock (gate) callers--;
            throw;
        }
    }

    // Whoever finds nothing is no caller any more in the same moment, so that what comes then finds another.
    private bool TryTake(out (HookKind Kind, TaskEvent About) next)
    {
        lock (gate)
        {
            if (waiting.TryDequeue(out next)) return true;
            callers--;
            return false;
        }
    }

    private async Task TellAsync(HookKind kind, TaskEvent about)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        Task? code = null;
        try
        {
            await store.FillAsync(about, deadline.Token);
            // On a thread of its own: it may block it.
            code = Task.Run(() => CallAsync(kind, about, deadline.Token), CancellationToken.None);
            await code.WaitAsync(Deadline, time);
        }
        catch (Exception e)
        {
            var error = e is TimeoutException ? $"it did not end within {Deadline:c}" : e.Message;
            Say(() => CodeFailed(log, about.Job, Hooks.NameOf(kind), about.Key, error));
        }
        finally
        {
            EndTelling();
        }
        if (code is { IsCompleted: false }) await OutliveAsync(kind, code);
    }

    private async Task CallAsync(HookKind kind, TaskEvent about, CancellationToken stopping)
    {
        Inside.Value = store.Database;
        await RunAsync(kind, about, stopping);
    }

    private void EndTelling()
    {
        lock (gate)
        {
            count--;
            EndWaiting();
        }
    }

    // Its place is free again when it ends, which may be never: others in its stead would be more and more.
    private async Task OutliveAsync(HookKind kind, Task code)
    {
        bool isFull;
        lock (gate)
        {
            isFull = ++givenUp == MostAtOnce;
            if (isFull) EndWaiting();
        }
        try
        {
            if (isFull && stuck.IsDue(out _)) Say(() => NoPlaceLeft(log, store.Job.Name, Hooks.NameOf(kind), MostAtOnce, Count));
            await code.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            lock (gate) givenUp--;
        }
    }

    private void EndWaiting()
    {
        if (waiters.Count == 0) return;
        foreach (var (most, end) in waiters.Where(w => count <= w.Key || givenUp == MostAtOnce).ToList())
        {
            waiters.Remove(most);
            end.SetResult();
        }
    }

    [LoggerMessage(121, LogLevel.Warning, "Job '{Job}': its {Hook} fails for record {Key}, and nothing else comes of it: {Error}")]
    private static partial void CodeFailed(ILogger log, string job, string hook, string key, string error);

    [LoggerMessage(125, LogLevel.Error, "Job '{Job}': {Calls} calls of its hooks do not end, the last one of its {Hook}, and no other is made until one of them ends; {Waiting} wait, and where too many do the job starts nothing: give what the code waits for a time-out")]
    private static partial void NoPlaceLeft(ILogger log, string job, string hook, int calls, int waiting);

    [LoggerMessage(126, LogLevel.Warning, "Job '{Job}': {Calls} calls of its hooks have not ended or were not made, and are waited for no longer: what they were to tell may be lost")]
    private static partial void NotTold(ILogger log, string job, int calls);

    [LoggerMessage(122, LogLevel.Warning, "Job '{Job}': record {Key}: the statement of its OnFinished is refused for the outcome {Outcome}, which is written without it: {Error}")]
    private static partial void StatementLeftOut(ILogger log, string job, string key, string outcome, string error);
}
