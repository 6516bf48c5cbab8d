using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>
/// Actions on many records go on while people look elsewhere: a few at a time, each of which can be seen and stopped. They end with the
/// process; what was changed by then stays, and is audited.
/// </summary>
internal sealed class Operations(TimeProvider time, ILogger log, CancellationToken stopping)
{
    private const int AtOnce = 3;
    private const int Kept = 20;
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

    /// <summary>Begins something and waits a moment for it: what is short is answered with its end.</summary>
    /// <exception cref="InvalidOperationException">Too much is under way.</exception>
    public async Task<OperationShape> BeginAsync(
        string job, string action, string who, Func<IProgress<TaskActionResult>, CancellationToken, Task<TaskActionResult>> runAsync)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var operation = new Operation(new OperationShape(Guid.NewGuid().ToString("N"), job, action, who, time.GetUtcNow(), 0, 0, false, null), stop);
        lock (mutex)
        {
            if (all.Count(o => !o.Shape.IsDone) >= AtOnce)
            {
                stop.Dispose();
                throw new InvalidOperationException($"{AtOnce} actions on many records are under way already. Wait for one of them, or stop it.");
            }
            all.Add(operation);
            if (all.Find(o => o.Shape.IsDone) is { } oldest && all.Count > Kept) all.Remove(oldest);
        }
        var running = Task.Run(() => RunAsync(operation, runAsync), CancellationToken.None);
        await Task.WhenAny(running, Task.Delay(Patience, time, CancellationToken.None));
        lock (mutex) return operation.Shape;
    }

    /// <summary>Stops one; what was changed stays changed.</summary>
    public bool Stop(string id)
    {
        Operation? found;
        lock (mutex) found = all.Find(o => o.Shape.Id == id && !o.Shape.IsDone);
        found?.Stop.Cancel();
        return found is not null;
    }

    private async Task RunAsync(Operation operation, Func<IProgress<TaskActionResult>, CancellationToken, Task<TaskActionResult>> runAsync)
    {
        try
        {
            var end = await runAsync(new Said(r => Change(operation, s => s with { Changed = r.Changed, Running = r.Running })), operation.Stop.Token);
            Change(operation, s => s with { Changed = end.Changed, Running = end.Running, IsDone = true });
        }
        catch (OperationCanceledException)
        {
            Change(operation, s => s with { IsDone = true, Error = "stopped" });
        }
        catch (Exception e)
        {
            if (e is not ArgumentException) Log.OperationFailed(log, operation.Shape.Job, operation.Shape.Action, operation.Shape.Changed, e.Message);
            Change(operation, s => s with { IsDone = true, Error = e is ArgumentException or DbException or TimeoutException ? Secrets.Mask(e.Message) : "It has met an error; the log tells which." });
        }
        finally
        {
            lock (mutex) operation.Stop.Dispose();
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
