using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// The leader's memory of how the jobs went: a row a job every ten seconds, beside the work and not within its turns. It also throws away
/// what of such memory is too old.
/// </summary>
internal sealed class Sampler(
    ClusterTables tables, IReadOnlyList<JobDispatch> jobs, Func<bool> isLeading, Func<CancellationToken, Task<LeaseTerm?>> leadAsync, Notebook notes,
    ILogger log, TimeProvider time)
{
    /// <summary>How often it looks whether it is time.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ThinEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromHours(1);
    private const int MostEvents = 100_000;
    private const int AuditChunk = 1_000;
    private const int AuditChunks = 10;
    private readonly Dictionary<string, (Pace Pace, long Count, TimeSpan? Oldest)> counted = new(StringComparer.Ordinal);
    private Dictionary<(string Node, long Life, string Job), JobDone> before = [];
    private LeaseTerm? current;

    // The term in which it was told that nothing may be deleted from the audit.
    private LeaseTerm? unthinned;
    private long sampledAt;
    private long thinnedAt;
    private long forgottenAt;

    /// <summary>How long what people have done is kept; null: for ever.</summary>
    public TimeSpan? AuditRetention { get; init; } = Limits.UsualAuditRetention;

    /// <summary>One look. It never calls for another one at once.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        await notes.WriteAsync(stopping);
        // Whoever leads now tells how the jobs stand.
        if (!isLeading()) Forget();
        if (!isLeading() || (sampledAt != 0 && time.GetElapsedTime(sampledAt) < Every)) return false;
        if (await leadAsync(stopping) is not { } term) return false;
        sampledAt = time.GetTimestamp();
        var isNew = term != current;
        current = term;
        await SampleAsync(term, isNew, stopping);
        if (thinnedAt == 0 || time.GetElapsedTime(thinnedAt) >= ThinEvery)
        {
            thinnedAt = sampledAt;
            await tables.Samples.ThinAsync(term, stopping);
        }
        if (forgottenAt == 0 || time.GetElapsedTime(forgottenAt) >= ForgetEvery)
        {
            forgottenAt = sampledAt;
            await tables.History.ThinAsync([.. jobs.Select(j => j.Store.Job.Name)], MostEvents, term, stopping);
            await tables.Nodes.ForgetAsync(term, stopping);
            await ThinAuditAsync(term, stopping);
        }
        return false;
    }

    // Bounded, so that the first time after years costs no more than the others: what is left then goes in the hours after.
    private async Task ThinAuditAsync(LeaseTerm term, CancellationToken stopping)
    {
        if (AuditRetention is not { } keep) return;
        try
        {
            for (var i = 0; i < AuditChunks; i++)
            {
                if (await tables.Audit.ThinAsync(keep, AuditChunk, term, stopping) < AuditChunk) return;
            }
        }
        catch (DbException e) when (e.Data[ErrorText.Remedy] is string)
        {
            // Rights of an earlier version do not hold this one: that entries grow old harms nobody, and nothing else waits for it.
            if (unthinned != term) Log.AuditNotThinned(log, ErrorText.WithRemedy(e));
            unthinned = term;
        }
    }

    /// <summary>This process tells no more how the jobs stand.</summary>
    public void Forget()
    {
        foreach (var job in jobs) Instruments.Stand(job.Load.Meter, null);
    }

    private async Task SampleAsync(LeaseTerm term, bool isNew, CancellationToken stopping)
    {
        var said = await tables.Nodes.ReadAsync(stopping);
        var running = (await tables.Nodes.ReadRunningAsync(stopping)).ToDictionary(r => r.Job, r => r.Running, StringComparer.Ordinal);
        var workers = (await tables.Control.ReadSharesAsync(stopping)).ToDictionary(s => s.Job, s => s.Workers, StringComparer.Ordinal);
        var done = Since(said, isNew);
        var rows = new List<SampleRow>();
        foreach (var job in jobs)
        {
            var name = job.Store.Job.Name;
            if (await PendingAsync(job, stopping) is not { } pending)
            {
                Instruments.Stand(job.Load.Meter, null);
                continue;
            }
            var standing = new JobStanding(pending.Count, pending.Oldest, running.GetValueOrDefault(name), workers.GetValueOrDefault(name));
            Instruments.Stand(job.Load.Meter, standing);
            rows.Add(new SampleRow(
                name, Math.Min(standing.Pending, Limits.MatchedRows), standing.Pending <= Limits.MatchedRows, standing.Running, standing.Workers,
                done.GetValueOrDefault(name)));
        }
        if (rows.Count > 0) await tables.Samples.WriteAsync(rows, term, stopping);
    }

    // What a node had done before this term was for the leader before to tell; what a node has done that came since is all of it new.
    private Dictionary<string, DoneCount> Since(List<NodeSaid> said, bool isNew)
    {
        var now = new Dictionary<(string, long, string), JobDone>();
        var done = new Dictionary<string, DoneCount>(StringComparer.Ordinal);
        foreach (var node in said)
        {
            foreach (var job in node.Vitals.Done)
            {
                var at = (node.Node, node.Life, job.Job);
                now[at] = job;
                if (isNew) continue;
                var last = before.GetValueOrDefault(at) ?? new JobDone(job.Job, 0, 0, 0, TimeSpan.Zero);
                var sum = done.GetValueOrDefault(job.Job);
                done[job.Job] = new DoneCount(
                    sum.Completed + Math.Max(0, job.Completed - last.Completed), sum.Failed + Math.Max(0, job.Failed - last.Failed),
                    sum.Attempts + Math.Max(0, job.Attempts - last.Attempts), sum.Busy + (job.Busy > last.Busy ? job.Busy - last.Busy : TimeSpan.Zero));
            }
        }
        before = now;
        return done;
    }

    // Where counting takes long it comes so seldom that it costs a fiftieth of a processor, and the last count stands meanwhile.
    private async Task<(long Count, TimeSpan? Oldest)?> PendingAsync(JobDispatch job, CancellationToken stopping)
    {
        var name = job.Store.Job.Name;
        if (!counted.TryGetValue(name, out var known)) known = (new Pace(Every / 2, time), 0, null);
        if (!known.Pace.IsDue) return (known.Count, known.Oldest);
        var began = time.GetTimestamp();
        try
        {
            (known.Count, known.Oldest) = await job.Store.CountDueAsync(Limits.MatchedRows + 1, stopping);
            return (known.Count, known.Oldest);
        }
        catch (Exception e) when (job.Store.Database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data or ErrorKind.Locked
            || job.Store.Database.Dialect.IsStatementTimeout(e) || Database.IsTimeout(e))
        {
            // The dispatcher meets the same, and tells of it.
            Log.NotSampled(log, name, e.Message);
            return null;
        }
        finally
        {
            known.Pace.End(began);
            counted[name] = known;
        }
    }
}
