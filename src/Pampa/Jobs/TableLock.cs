using Microsoft.Extensions.Logging;

namespace Pampa.Jobs;

/// <summary>
/// A lock of somebody else's on a job's whole table, as this process meets it. While it lasts the job is tried about once a second, by
/// whichever step comes first, and people are told when it begins, once a minute, and when it is over.
/// </summary>
internal sealed partial class TableLock(JobDefinition job, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TellEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(5);
    private readonly Lock gate = new();
    private long since;
    private long metAt;
    private long toldAt;
    private long endedAt;

    /// <summary>Whether it was met and nothing has been written since.</summary>
    public bool IsMet => Volatile.Read(ref since) != 0;

    /// <summary>Whether it was met just now, so that a statement would only meet it again.</summary>
    public bool IsResting
    {
        get
        {
            lock (gate) return since != 0 && time.GetElapsedTime(metAt) < Rest;
        }
    }

    /// <summary>
    /// Whether it has ended just now: nodes write what tasks have done meanwhile, and nobody shall be charged who is only waiting to.
    /// </summary>
    public bool IsJustOver
    {
        get
        {
            lock (gate) return endedAt != 0 && time.GetElapsedTime(endedAt) < CatchUp;
        }
    }

    /// <summary>A statement could not begin because of it.</summary>
    public void Meet()
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            // Where nobody has tried for a while it is another one.
            if (since == 0 || time.GetElapsedTime(metAt, now) > TellEvery)
            {
                since = toldAt = now;
                Locked(log, job.Name, job.Table);
            }
            else if (time.GetElapsedTime(toldAt, now) >= TellEvery)
            {
                toldAt = now;
                StillLocked(log, job.Name, job.Table, (int)time.GetElapsedTime(since, now).TotalSeconds);
            }
            metAt = now;
        }
    }

    /// <summary>A statement that writes to the table has worked.</summary>
    public void End()
    {
        if (!IsMet) return;
        lock (gate)
        {
            if (since == 0) return;
            endedAt = time.GetTimestamp();
            Free(log, job.Name, job.Table, (int)time.GetElapsedTime(since, endedAt).TotalSeconds);
            since = 0;
        }
    }

    [LoggerMessage(4, LogLevel.Warning, "Job '{Job}': somebody has locked table '{Table}' as a whole; its records wait, at no attempt's cost, and the other jobs go on")]
    private static partial void Locked(ILogger log, string job, string table);

    [LoggerMessage(5, LogLevel.Warning, "Job '{Job}': table '{Table}' has been locked as a whole for {Seconds} s now")]
    private static partial void StillLocked(ILogger log, string job, string table, int seconds);

    [LoggerMessage(6, LogLevel.Information, "Job '{Job}': table '{Table}' is free again after {Seconds} s")]
    private static partial void Free(ILogger log, string job, string table, int seconds);
}
