using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>When a process that is to end with its work has done so, and what it says then.</summary>
internal sealed partial class Engine
{
    /// <summary>
    /// Tasks that failed for good since this process began, by their handlers or because their workers were lost.
    /// </summary>
    public long FailedTasks => Node.Lanes.Sum(l => l.Counters.Failed) + Dispatcher.Failed + Node.RecoveredFailed;

    private async Task DrainedAsync(TimeSpan horizon, CancellationToken stopping)
    {
        // Asking may read every open record: seldom, while others are still at work.
        var wait = TimeSpan.FromMilliseconds(100);
        while (true)
        {
            await Task.Delay(wait, time, stopping);
            if (Node.Unfinished + Node.Untold > 0 || (Dispatcher.IsLeading && !Dispatcher.IsIdle)) continue;
            if (Node.Lanes.Any(l => l.Load.Hands.Any(h => h.Count > 0))) continue;
            if (!await IsAnythingLeftAsync(horizon, stopping)) return;
            wait = TimeSpan.FromMilliseconds(500);
        }
    }

    private async Task<bool> IsAnythingLeftAsync(TimeSpan horizon, CancellationToken stopping)
    {
        try
        {
            foreach (var lane in Node.Lanes)
            {
                if (await lane.Store.IsAnythingLeftAsync(horizon, stopping)) return true;
            }
            return false;
        }
        catch (Exception e) when (database.Dialect.Classify(e) != ErrorKind.Other)
        {
            // Not known: then it is not said to be done. The loops wait for the database to come back, or for a table to be free.
            if (database.Dialect.Classify(e) == ErrorKind.Infrastructure && !database.Dialect.IsStatementTimeout(e)) health.Failed(e);
            await Task.Delay(TimeSpan.FromSeconds(1), time, stopping);
            return true;
        }
    }
}
