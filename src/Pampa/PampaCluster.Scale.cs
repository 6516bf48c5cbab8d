using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>How many workers the jobs need.</summary>
public sealed partial class PampaCluster
{
    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Coarse = TimeSpan.FromMinutes(10);

    /// <summary>How many workers a job needs to be done in time: for whatever starts and stops nodes.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="exact">
    /// Whether every record is counted, as in <see cref="ReportAsync(string, bool, CancellationToken)"/>. Default false: of a table with more than
    /// 250,000 open records the answer is "at least".
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<JobScale> ScaleAsync(string job, bool exact = false, CancellationToken cancellationToken = default) =>
        await ScaleAsync(await ReportAsync(job, exact, cancellationToken), cancellationToken);

    /// <summary>The same for counts that were taken already.</summary>
    /// <param name="report">What <see cref="ReportAsync(string, bool, CancellationToken)"/> has returned.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<JobScale> ScaleAsync(Report report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(report);
        var parts = await access.GetAsync(cancellationToken);
        var job = Find(parts, report.Job).Job;
        var now = await NowAsync(cancellationToken);
        var holds = await parts.Tables.Control.ReadHoldsAsync(cancellationToken);
        var shares = await parts.Tables.Control.ReadSharesAsync(cancellationToken);
        var left = report.Pending + report.Reserved + report.Running;
        var seconds = left > 0 ? await SecondsPerTaskAsync(parts.Tables.Samples, job.Name, now, cancellationToken) : null;
        DateTimeOffset? finishBy = job.FinishBy is { } goal
            ? await DeadlineAsync(parts.Tables.Samples, job.Name, goal, left, now, cancellationToken)
            : null;
        var (wanted, reason) = Scaling.Wanted(new ScaleAsk
        {
            Left = left,
            SecondsPerTask = seconds,
            UntilDeadline = finishBy - now,
            MaxWait = job.MaxWait,
            MaxWorkers = job.MaxAssignedWorkers,
            MaxPendingTasks = job.MaxPendingTasks,
            IsPaused = holds.Exists(h => h.Hold == new Hold(HoldKind.Job, job.Name)),
        });
        return new JobScale(job.Name, wanted, reason)
        {
            Workers = shares.Find(s => s.Job == job.Name)?.Workers ?? 0,
            FinishBy = finishBy,
            MaxWait = job.MaxWait,
            Eta = report.Eta,
            Early = (finishBy - now ?? job.MaxWait) - report.Eta,
            TimePerTask = seconds is { } each ? TimeSpan.FromSeconds(each) : null,
        };
    }

    /// <summary>Whether somebody has said until when a job shall be done.</summary>
    internal async Task<bool> HasGoalAsync(string job, CancellationToken cancellationToken)
    {
        var of = Find(await access.GetAsync(cancellationToken), job).Job;
        return of.FinishBy is not null || of.MaxWait is not null;
    }

    // Where nothing has ended lately, that of the last day is better than nothing.
    private static async Task<double?> SecondsPerTaskAsync(SampleStore samples, string job, DateTimeOffset now, CancellationToken stopping) =>
        SecondsPerTask(await ReadAsync(samples, job, now - Lately, now, stopping)) ?? SecondsPerTask(await ReadAsync(samples, job, now - Day, now, stopping));

    internal static double? SecondsPerTask(IReadOnlyList<StoredSample> rows)
    {
        if (rows is not [var first, .., var last]) return null;
        var ended = last.Completed + last.Failed - first.Completed - first.Failed;
        var busy = last.BusySeconds - first.BusySeconds;
        return ended > 0 && busy > 0 ? busy / ended : null;
    }

    // What was there at the last time of day and has not been done since is late; what came after it was done is for the next.
    private static async Task<DateTimeOffset> DeadlineAsync(
        SampleStore samples, string job, FinishGoal goal, long left, DateTimeOffset now, CancellationToken stopping)
    {
        if (left == 0 || goal.Last(now) is not { } last) return goal.Next(now);
        return IsLeft(await ReadAsync(samples, job, last, now, stopping), last) ? last : goal.Next(now);
    }

    internal static bool IsLeft(IReadOnlyList<StoredSample> rows, DateTimeOffset since) =>
        rows.Count > 0 && rows[0].At <= since && rows.All(r => r.Pending > 0 || r.Running > 0);

    private static Task<List<StoredSample>> ReadAsync(SampleStore samples, string job, DateTimeOffset from, DateTimeOffset now, CancellationToken stopping)
    {
        var until = now + TimeSpan.FromSeconds(1);
        var grain = SampleStore.GrainOf(now - from > Lately ? Day : now - from, now - from, (int)(Day / Coarse) + 1);
        return samples.ReadAsync(job, from, until, grain, MostPoints, stopping);
    }
}
