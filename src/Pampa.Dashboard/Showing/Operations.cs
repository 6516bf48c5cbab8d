using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>
/// Actions on many records, and ticks by hand, go on while people look elsewhere: a few at a time, each of which can be seen and stopped. They
/// end with the process, not with the page that began them; what was changed by then stays, and is audited.
/// </summary>
internal sealed class Operations(PampaDashboardOptions options, TimeProvider time, ILogger log, CancellationToken stopping)
{
    private const int AtOnce = 3;
    private const int Kept = 20;
    private const string OwnError = "It has met an error; the log tells which.";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);
    private readonly Lock mutex = new();
    private readonly List<Operation> all = [];

    private sealed class Operation(OperationShape shape, CancellationTokenSource stop)
    {
        public OperationShape Shape { get; set; } = shape;

        public CancellationTokenSource Stop => stop;
    }

    public IReadOnlyList<OperationShape> List()
    {
        lock (mutex) return [.. all.Select(o => o.Shape).Reverse()];
    }

    /// <summary>Begins an action on records and waits a moment for it: what is short is answered with its end.</summary>
    /// <exception cref="InvalidOperationException">Too much is under way.</exception>
    public Task<OperationShape> BeginAsync(
        string job, string action, string who, Func<IProgress<TaskActionResult>, CancellationToken, Task<TaskActionResult>> runAsync) =>
        BeginAsync(New(OperationKind.Records, job, action, who), async operation =>
        {
            var end = await runAsync(new Said(r => Change(operation, s => s with { Changed = r.Changed, Running = r.Running })), operation.Stop.Token);
            Change(operation, s => s with { Changed = end.Changed, Running = end.Running });
        });

    /// <summary>The same of a schedule's tick, which may take as long as its program lets it.</summary>
    /// <exception cref="InvalidOperationException">Too much is under way.</exception>
    public Task<OperationShape> BeginTickAsync(string schedule, string who, Func<CancellationToken, Task> runAsync) =>
        BeginAsync(New(OperationKind.Tick, schedule, "run", who), operation => runAsync(operation.Stop.Token));

    private OperationShape New(OperationKind kind, string name, string action, string who) =>
        new(Guid.NewGuid().ToString("N"), name, action, who, time.GetUtcNow(), 0, 0, false, null) { Kind = kind };

    private async Task<OperationShape> BeginAsync(OperationShape shape, Func<Operation, Task> runAsync)
    {
        var operation = new Operation(shape, CancellationTokenSource.CreateLinkedTokenSource(stopping));
        lock (mutex)
        {
            if (all.Count(o => !o.Shape.IsDone) >= AtOnce)
            {
                operation.Stop.Dispose();
                throw new InvalidOperationException($"{AtOnce} actions on many records, or ticks by hand, are under way already. Wait for one of them, or stop it.");
            }
            all.Add(operation);
            if (all.Find(o => o.Shape.IsDone) is { } oldest && all.Count > Kept) all.Remove(oldest);
        }
        var running = Task.Run(() => RunAsync(operation, runAsync), CancellationToken.None);
        await Task.WhenAny(running, Task.Delay(Patience, time, CancellationToken.None));
        lock (mutex) return operation.Shape;
    }

    /// <summary>Stops one; what was changed stays changed.</summary>
    /// <returns>What it was; null: it has ended already, or there was none.</returns>
    public OperationKind? Stop(string id)
    {
        lock (mutex)
        {
            // Outside of it, it may have ended by now, and there is nothing to cancel any more.
            if (all.Find(o => o.Shape.Id == id && !o.Shape.IsDone) is not { } found) return null;
            _ = TellAsync(found.Shape, found.Stop.CancelAsync());
            return found.Shape.Kind;
        }
    }

    // What the program's own code does when it is told may take long, or throw: neither is for whoever has pressed the button.
    private async Task TellAsync(OperationShape operation, Task telling)
    {
        try
        {
            await telling;
        }
        catch (Exception e)
        {
            Log.OperationFailed(log, operation.Job, operation.Action, operation.Changed, Words(e));
        }
    }

    private async Task RunAsync(Operation operation, Func<Operation, Task> runAsync)
    {
        try
        {
            await runAsync(operation);
            Change(operation, s => s with { IsDone = true });
        }
        catch (Exception e) when (e is OperationCanceledException || (e is InvalidOperationException && operation.Stop.IsCancellationRequested))
        {
            // What code of the program throws then is told as its failure: it was told to stop.
            Change(operation, s => s with { IsDone = true, Error = OperationShape.Stopped });
        }
        catch (Exception e)
        {
            var said = Words(e);
            if (e is not ArgumentException) Log.OperationFailed(log, operation.Shape.Job, operation.Shape.Action, operation.Shape.Changed, said);
            var isTold = e is ArgumentException or InvalidOperationException or DbException or TimeoutException;
            Change(operation, s => s with { IsDone = true, Error = isTold ? said : OwnError });
        }
        finally
        {
            lock (mutex) operation.Stop.Dispose();
        }
    }

    // The rule that takes secrets out is the program's own, and may fail as well: the operation has ended all the same.
    private string Words(Exception error)
    {
        try
        {
            return options.Redact(error.Message);
        }
        catch (Exception e)
        {
            Log.NotSeen(log, e);
            return OwnError;
        }
    }

    private void Change(Operation operation, Func<OperationShape, OperationShape> change)
    {
        lock (mutex) operation.Shape = change(operation.Shape);
    }

    // At once and in order, not on some thread a little later.
    private sealed class Said(Action<TaskActionResult> say) : IProgress<TaskActionResult>
    {
        public void Report(TaskActionResult value) => say(value);
    }
}
