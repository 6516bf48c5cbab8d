using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// Turns a cycle for as long as the program runs. An outage of the database, however long, is waited out; a fault that
/// comes back again and again ends the loop with its error, and with it the process: a loop never dies silently.
/// </summary>
internal sealed class Loop(Dialect dialect, DatabaseHealth health, Watchdog watchdog, ILogger log, TimeProvider time, Random random)
{
    private const int MaxFaults = 10;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);

    /// <summary>Runs until told to stop; while a cycle says that it did something, without a pause.</summary>
    public Task RunAsync(
        string name, Func<CancellationToken, Task<bool>> cycleAsync, Signal wake, Func<TimeSpan> idle, CancellationToken stopping) =>
        // On a thread of the pool from its first turn on: where nothing waits, as on SQLite, that would run on the thread of whoever starts all
        // loops, and one that stands still would keep the others from starting, and the process from its end.
        Task.Run(() => watchdog.WatchAsync(name, () => TurnAsync(name, cycleAsync, wake, idle, stopping)), CancellationToken.None);

    private async Task TurnAsync(
        string name, Func<CancellationToken, Task<bool>> cycleAsync, Signal wake, Func<TimeSpan> idle, CancellationToken stopping)
    {
        var outages = 0;
        var faults = 0;
        var contentions = 0;
        var contended = new Telling(time);
        var refusals = 0;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (!await cycleAsync(stopping)) await Pulse.RestAsync(() => wake.WaitAsync(idle(), time, stopping));
                else Pulse.Beat();
                outages = faults = contentions = refusals = 0;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is WorkerIdTakenException or StartCodeException)
            {
                // Trying again would not help: somebody has to choose, or to mend the program.
                throw;
            }
            catch (Exception e) when (dialect.Classify(e) is ErrorKind.Infrastructure && !dialect.IsStatementTimeout(e))
            {
                health.Failed(e);
                await PauseAsync(outages++, stopping);
            }
            catch (Exception e) when (dialect.Classify(e) is ErrorKind.Infrastructure or ErrorKind.Retry or ErrorKind.Locked or ErrorKind.Data)
            {
                // Others were first, more often than the statement is repeated by itself, it took longer than it may, or a rule of a
                // table refuses a record: never a reason to end the process. The next round tries again.
                if (contended.IsDue(out var unsaid)) Log.Contended(log, name, unsaid, e.Message);
                await PauseAsync(contentions++, stopping);
            }
            catch (Exception e) when (e.Data[ErrorText.Remedy] is string)
            {
                // Somebody has taken a right away, and is told which: nothing is lost by waiting until it is given back.
                if (refusals == 0) Log.LacksRight(log, name, ErrorText.WithRemedy(e));
                await PauseAsync(refusals++, stopping);
            }
            catch (Exception e)
            {
                Log.LoopFault(log, name, ++faults, MaxFaults, e);
                if (faults >= MaxFaults) throw;
                await PauseAsync(faults, stopping);
            }
        }
    }

    private async Task PauseAsync(int tries, CancellationToken stopping)
    {
        var pause = Math.Min(LongestPause.TotalMilliseconds, 100 * Math.Pow(2, Math.Min(tries, 10))) * (1 + random.NextDouble() / 4);
        await Pulse.RestAsync(async () =>
            await Task.Delay(TimeSpan.FromMilliseconds(pause), time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing));
    }
}
