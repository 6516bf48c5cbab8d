using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <summary>What was done, and how it went.</summary>
public sealed partial class PampaCluster
{
    private const int MostPoints = 5_000;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    /// <summary>
    /// What people and programs have done to this cluster, newest first: to records (<see cref="ApplyAsync"/>), by steering (<see
    /// cref="PauseAsync"/> and its like), and with schedules.
    /// </summary>
    /// <param name="query">Which entries. Default null: the newest 100.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<AuditPage> AuditAsync(AuditQuery? query = null, CancellationToken cancellationToken = default)
    {
        query ??= new AuditQuery();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(query.Limit, nameof(query));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(query.Limit, Limits.AuditedRows, nameof(query));
        var parts = await access.GetAsync(cancellationToken);
        var entries = await parts.Tables.Audit.ReadAsync(query, query.Limit + 1, cancellationToken);
        if (entries.Count <= query.Limit) return new AuditPage(entries, null);
        entries.RemoveAt(query.Limit);
        return new AuditPage(entries, entries[^1].Id);
    }

    /// <summary>
    /// How a job went: samples that the leader takes about every ten seconds. They are kept for an hour; of those before, one a minute for a
    /// day, and one in ten minutes for thirty days.
    /// </summary>
    /// <param name="job">The job's name.</param>
    /// <param name="from">From when on, by the database's clock.</param>
    /// <param name="until">Before when. Default null: now.</param>
    /// <param name="points">At most so many samples: of a long time there are fewer a minute. 2 to 5,000; default 500.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The samples, oldest first; rates are those since the sample before.</returns>
    public async Task<IReadOnlyList<JobSample>> SamplesAsync(
        string job, DateTimeOffset from, DateTimeOffset? until = null, int points = 500, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(points, MostPoints);
        var parts = await access.GetAsync(cancellationToken);
        Find(parts, job);
        var now = await NowAsync(cancellationToken);
        var (first, last) = (from < now - Kept ? now - Kept : from, until ?? now + TimeSpan.FromSeconds(1));
        if (last <= first) return [];
        var grain = SampleStore.GrainOf(last - first, now - first, points);
        // The one before the range tells since when the first within it counts.
        var rows = await parts.Tables.Samples.ReadAsync(job, first, last, grain, MostPoints + 1, cancellationToken);
        var samples = Samples(Fewer(rows, points + 1), first);
        if (samples.Count > points) samples.RemoveRange(0, samples.Count - points);
        return samples;
    }

    // Whatever is left out, the differences stay right.
    private static List<StoredSample> Fewer(List<StoredSample> rows, int most)
    {
        if (rows.Count <= most) return rows;
        var step = (rows.Count + most - 1) / most;
        return [.. rows.Where((_, i) => (rows.Count - 1 - i) % step == 0)];
    }

    private static List<JobSample> Samples(List<StoredSample> rows, DateTimeOffset from)
    {
        var samples = new List<JobSample>();
        for (var i = 0; i < rows.Count; i++)
        {
            var (row, before) = (rows[i], i == 0 ? null : rows[i - 1]);
            if (row.At < from) continue;
            var seconds = before is null ? 0 : (row.At - before.At).TotalSeconds;
            double Rate(Func<StoredSample, long> of) => seconds <= 0 ? 0 : Math.Max(0, of(row) - of(before!)) / seconds;
            var attempts = before is null ? 0 : row.Attempts - before.Attempts;
            var busy = before is null ? 0 : row.BusySeconds - before.BusySeconds;
            samples.Add(new JobSample(
                row.At, row.Pending, row.IsPendingExact, row.Running, Rate(r => r.Completed), Rate(r => r.Failed),
                attempts > 0 && busy >= 0 ? TimeSpan.FromSeconds(busy / attempts) : null, row.Workers)
            {
                Completed = row.Completed,
                Failed = row.Failed,
                Attempts = row.Attempts,
                Busy = TimeSpan.FromSeconds(row.BusySeconds),
            });
        }
        return samples;
    }
}
