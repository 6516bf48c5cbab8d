using System.Data.Common;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa.Commands;

/// <summary>
/// The numbers of one job. What is done comes from this process's counters; how much there is, from a count of the table
/// that is repeated only as often as it is cheap, and never waited for.
/// </summary>
/// <param name="lane">The job.</param>
/// <param name="counts">Whether the table is counted, too: many nodes would do it as often.</param>
/// <param name="window">How far back the rate looks.</param>
/// <param name="time">The clock.</param>
internal sealed class JobProgress(Lane lane, bool counts, TimeSpan window, TimeProvider time)
{
    // It may keep several processors of the server busy; where nothing happens nobody waits for the next one.
    private const int CountRarity = 50;
    private const int QuietRarity = 200;
    private static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(5);
    private Task counting = Task.CompletedTask;
    private Count? counted;
    private long triedAt;
    private TimeSpan took;
    private bool isQuiet;
    private readonly Queue<(long At, long Ended)> samples = new([(time.GetTimestamp(), lane.Counters.Ended)]);

    /// <summary>A count of the table, and how many tasks this process had ended when it began.</summary>
    private sealed record Count(Report Report, long Ended);

    /// <summary>The numbers now, the rate since the youngest call that is as old as the window.</summary>
    public ProgressRow Sample(CancellationToken stopping)
    {
        if (counts && counting.IsCompleted && IsCountDue) counting = CountAsync(stopping);
        var ended = lane.Counters.Ended;
        var now = time.GetTimestamp();
        while (samples.Count > 1 && time.GetElapsedTime(samples.ElementAt(1).At, now) >= window) samples.Dequeue();
        var (at, before) = samples.Peek();
        var seconds = time.GetElapsedTime(at, now).TotalSeconds;
        var rate = seconds > 0 ? (ended - before) / seconds : 0;
        samples.Enqueue((now, ended));
        var done = counted is { } c ? c.Report.Completed + c.Report.Failed + ended - c.Ended : ended;
        return new ProgressRow(lane.Job.Name, done, counted is { } known ? Math.Max(done, known.Report.Total) : null, rate)
        {
            Running = lane.Counters.Open,
            InHand = lane.Load.Hands.Sum(h => h.Count),
            FailedAttempts = lane.Counters.Failed + lane.Counters.Again,
        };
    }

    private bool IsCountDue =>
        triedAt == 0 || time.GetElapsedTime(triedAt) >= (took * (isQuiet ? QuietRarity : CountRarity) is var rare && rare > CountEvery ? rare : CountEvery);

    private async Task CountAsync(CancellationToken stopping)
    {
        var ended = lane.Counters.Ended;
        var began = time.GetTimestamp();
        try
        {
            var now = await lane.Store.CountedAsync(isExact: true, stopping);
            lane.Load.TellOfReport(now.Fault);
            isQuiet = counted is { } last && Counts(last.Report) == Counts(now);
            counted = new Count(now, ended);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException or TimeoutException or SnippetException)
        {
            // The loops say when the database is out of reach, or a condition throws; a line without a total is still true.
        }
        triedAt = time.GetTimestamp();
        took = time.GetElapsedTime(began, triedAt);
    }

    private static (long, long, long, long, long) Counts(Report report) =>
        (report.Total, report.Completed, report.Failed, report.Reserved, report.Running);

    public Task EndAsync() => counting;
}
