using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Dispatching;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// Stops in order: no more reservations, unstarted ones given back, running handlers given their time and then cancelled, results
/// written, ids given up. Heartbeats go on to the end. Handlers have their time from the begin of the stop on, whatever the
/// database makes of the rest.
/// </summary>
internal sealed class Shutdown(Node node, Exchange exchange, Leadership leadership, TimeSpan patience, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(10);

    // A try to write on SQLite cannot be interrupted, and takes up to 45 s.
    private static readonly TimeSpan LoopEnd = TimeSpan.FromSeconds(60);

    // Once a step has met its time-out the next ones would only meet it, too.
    private bool isHopeless;

    /// <summary>Whether a loop did not come to its end: what it stands still at, others would stand still at, too.</summary>
    public bool LeftLoop { get; private set; }

    /// <summary>Returns how many tasks were abandoned.</summary>
    /// <param name="taking">What takes in and starts, and was told to end.</param>
    /// <param name="work">Ends what runs and writes.</param>
    /// <param name="hurry">Do not wait for the patience to be over before handlers are cancelled.</param>
    public async Task<int> RunAsync(Task[] taking, CancellationTokenSource work, CancellationToken hurry)
    {
        var givingBack = GiveBackAsync(taking);
        if (node.Running > 0) Log.Stopping(log, node.Running, patience);
        // What a START that is under way brings counts as well.
        if (!await UntilIdleAsync(patience, () => Math.Max(node.Unfinished, givingBack.IsCompleted ? 0 : 1), () => hurry.IsCancellationRequested))
            await CancelAsync();
        await givingBack;
        await CancelAsync();
        await UntilIdleAsync(FlushTime, () => node.Unfinished - node.Running + node.Untold);
        var abandoned = node.Unfinished;
        await work.CancelAsync();
        if (abandoned > 0) Log.Abandoned(log, abandoned);
        await TryAsync(exchange.ReturnAsync);
        if (node.Membership.Workers.Count > 0) await TryAsync(node.Membership.ResignAsync);
        return abandoned;
    }

    private async Task GiveBackAsync(Task[] taking)
    {
        // A loop that stands still does not end either; what it was about to do is told apart by the fences.
        var ending = Task.WhenAll(taking);
        await ending.WaitAsync(LoopEnd, TimeProvider.System, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        LeftLoop = !ending.IsCompleted;
        await TryAsync(exchange.LeaveAsync);
        await TryAsync(node.ReleaseAllAsync);
        await TryAsync(exchange.ReturnAsync);
        await TryAsync(leadership.ResignAsync);
    }

    private async Task CancelAsync()
    {
        // What has not begun must not take the place of what is cancelled.
        node.ForgiveWaiting();
        if (node.Running == 0) return;
        Log.Cancelling(log, node.Running);
        node.Interrupt(Interruption.Shutdown);
        await UntilIdleAsync(CancelGrace, () => node.Running);
    }

    private async Task TryAsync(Func<CancellationToken, Task> step)
    {
        if (isHopeless) return;
        using var deadline = new CancellationTokenSource(FlushTime, time);
        try
        {
            await step(deadline.Token);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException or TimeoutException or IOException)
        {
            isHopeless = deadline.IsCancellationRequested;
            Log.NotReleased(log, e.Message);
        }
    }

    private async Task<bool> UntilIdleAsync(TimeSpan atMost, Func<int> left, Func<bool>? isHurried = null)
    {
        var began = time.GetTimestamp();
        while (left() > 0)
        {
            if (time.GetElapsedTime(began) >= atMost || isHurried?.Invoke() == true) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(10), time);
        }
        return true;
    }
}
