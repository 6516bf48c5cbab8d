using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// Lets the jobs of a process go by the limits that the cluster has published, so that builds with different ones agree within
/// seconds: else a leader deals for ever what its nodes refuse to start, or takes back what they are still allowed to run. The program
/// that has started last has its way.
/// </summary>
internal sealed class PublishedLimits(ClusterStore store, IReadOnlyList<JobDefinition> jobs, ILogger log)
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, string> ignored = new(StringComparer.Ordinal);
    private bool isUnread;

    /// <summary>Reads what is published, and sets what differs. Always false: there is nothing more to do before the next look.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        List<PublishedRow> published;
        try
        {
            published = await store.ReadPublishedAsync(stopping);
        }
        catch (Exception e) when (store.Classify(e) == ErrorKind.Schema)
        {
            // Work goes on without it, by the limits that are known.
            if (!isUnread) Log.LimitsUnread(log, e.Message);
            isUnread = true;
            return false;
        }
        isUnread = false;
        foreach (var job in jobs)
        {
            if (published.Find(row => row.Job == job.Name) is { } row) Obey(job, row);
        }
        return false;
    }

    private void Obey(JobDefinition job, PublishedRow row)
    {
        Demand(job, row);
        if (PublishedJob.ReadLimits(row.Definition) is not { } limits)
        {
            if (ignored.GetValueOrDefault(job.Name) == row.Definition) return;
            ignored[job.Name] = row.Definition;
            Log.LimitsIgnored(log, job.Name, row.Program, job.MaxAttempts, job.MaxDuration);
            return;
        }
        ignored.Remove(job.Name);
        if (limits == job.Obeyed) return;
        job.Obey(limits);
        var own = job.Declared;
        if (limits == own) Log.OwnLimits(log, job.Name, own.MaxAttempts, own.MaxDuration);
        else Log.OtherLimits(log, job.Name, limits.MaxAttempts, limits.MaxDuration, row.Program, own.MaxAttempts, own.MaxDuration);
    }

    private void Demand(JobDefinition job, PublishedRow row)
    {
        var before = job.AdmitsThis;
        job.Demand(PublishedJob.ReadMinimum(row.Definition));
        if (job.AdmitsThis == before) return;
        if (before) Log.TooOld(log, job.Name, job.Minimum!, row.Program, job.Version);
        else Log.NewEnough(log, job.Name, job.Version);
    }
}
