using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Dispatching;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// Stops in order: no more reservations, unstarted ones given back, running handlers given their time and then cancelled, results
/// written, ids given up. Heartbeats go on to the end.
/// </summary>
internal sealed class Shutdown(Node node, Exchange exchange, Leadership leadership, TimeSpan patience, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LoopEnd = TimeSpan.FromSeconds(40);

    /// <summary>Returns how many tasks were abandoned.</summary>
    /// <param name="taking">What takes in and starts, and was told to end.</param>
    /// <param name="work">Ends what runs and writes.</param>
    /// <param name="hurry">Do not wait for the patience to be over before handlers are cancelled.</param>
    public async Task<int> RunAsync(Task[] taking, CancellationTokenSource work, CancellationToken hurry)
    {
        // A loop that stands still does not end either; what it was about to do is told apart by the fences.
        await Task.WhenAll(taking).WaitAsync(LoopEnd, TimeProvider.System, CancellationToken.None)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await TryAsync(exchange.LeaveAsync);
        await TryAsync(node.ReleaseAllAsync);
        await TryAsync(exchange.ReturnAsync);
        await TryAsync(leadership.ResignAsync);
        if (node.Unfinished > 0)
        {
            Log.Stopping(log, node.Unfinished, patience);
            if (!await UntilIdleAsync(patience, () => node.Unfinished, () => hurry.IsCancellationRequested))
            {
                Log.Cancelling(log, node.Running);
                node.Interrupt(Interruption.Shutdown);
                await UntilIdleAsync(CancelGrace, () => node.Running);
                await UntilIdleAsync(FlushTime, () => node.Unfinished - node.Running);
            }
        }
        var abandoned = node.Unfinished;
        await work.CancelAsync();
        if (abandoned > 0) Log.Abandoned(log, abandoned);
        await TryAsync(exchange.ReturnAsync);
        if (node.Membership.Workers.Count > 0) await TryAsync(node.Membership.ResignAsync);
        return abandoned;
    }

    private async Task TryAsync(Func<CancellationToken, Task> step)
    {
        using var deadline = new CancellationTokenSource(FlushTime, time);
        try
        {
            await step(deadline.Token);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException or TimeoutException or IOException)
        {
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
