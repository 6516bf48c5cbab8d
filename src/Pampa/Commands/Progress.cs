using System.Data.Common;
using System.Globalization;
using Pampa.Hosting;
using Pampa.Working;

namespace Pampa.Commands;

/// <summary>
/// A line a second for each job that is at work: done, per second, ETA, workers. What is done comes from this process's
/// counters; how much there is, from a count of the table that is repeated only as often as it is cheap.
/// </summary>
internal sealed class Progress(Engine engine, TextWriter output, TimeProvider time) : IDisposable
{
    private const int CountRarity = 50;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource stop = new();
    private Task printing = Task.CompletedTask;

    public void Start() => printing = Task.WhenAll(engine.Node.Lanes.Select(PrintAsync));

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await printing;
    }

    private async Task PrintAsync(Lane lane)
    {
        var counted = default(Count?);
        var triedAt = 0L;
        var took = TimeSpan.Zero;
        var before = 0L;
        var at = time.GetTimestamp();
        var wasAtWork = true;
        while (true)
        {
            if (triedAt == 0 || time.GetElapsedTime(triedAt) >= (took * CountRarity is var rare && rare > CountEvery ? rare : CountEvery))
            {
                var began = time.GetTimestamp();
                counted = await CountAsync(lane) ?? counted;
                triedAt = time.GetTimestamp();
                took = time.GetElapsedTime(began, triedAt);
            }
            await Task.Delay(Interval, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) return;
            var ended = Ended(lane);
            var rate = (ended - before) / time.GetElapsedTime(at).TotalSeconds;
            before = ended;
            at = time.GetTimestamp();
            // An idle job says so once and then is silent.
            if (rate > 0 || wasAtWork) await output.WriteLineAsync(Line(lane, counted, ended, rate));
            wasAtWork = rate > 0;
        }
    }

    /// <summary>A count of the table, and how many tasks this process had ended when it began.</summary>
    private sealed record Count(Report Report, long Ended);

    private string Line(Lane lane, Count? counted, long ended, double rate)
    {
        var workers = engine.Node.Workers.Count;
        var invariant = CultureInfo.InvariantCulture;
        var standby = engine.Dispatcher.IsLeading ? "" : ", standing by: another process leads";
        if (counted is not { } c) return string.Create(invariant, $"{lane.Job.Name}: {ended:N0} done, {rate:N0}/s, {workers} workers{standby}");
        var done = c.Report.Completed + c.Report.Failed + ended - c.Ended;
        var total = Math.Max(done, c.Report.Total);
        var left = total - done;
        var eta = left == 0 ? "00:00:00" : rate > 0 ? TimeSpan.FromSeconds(Math.Min(left / rate, 359_999)).ToString(@"hh\:mm\:ss", invariant) : "unknown";
        return string.Create(invariant, $"{lane.Job.Name}: {done:N0} of {total:N0} done, {rate:N0}/s, ETA {eta}, {workers} workers{standby}");
    }

    private static long Ended(Lane lane) => lane.Counters.Completed + lane.Counters.Failed;

    private async Task<Count?> CountAsync(Lane lane)
    {
        var ended = Ended(lane);
        try
        {
            return new Count(await lane.Store.ReportAsync(stop.Token), ended);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException or TimeoutException)
        {
            // The loops say when the database is out of reach; a line without a total is still true.
            return null;
        }
    }

    public void Dispose() => stop.Dispose();
}
