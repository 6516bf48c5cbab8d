using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>
/// Says once that the database is out of reach, once a minute that it still is, and once that it is back, whoever meets
/// it.
/// </summary>
internal sealed class DatabaseHealth(string description, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan RepeatEvery = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    // A database that can only be read, or is full, answers every second statement: that is one outage, not many.
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);
    private long downSince;
    private long failedAt;
    private long saidAt;

    /// <summary>Whether it is out of reach, as far as anybody has met it.</summary>
    public bool IsDown => Volatile.Read(ref downSince) != 0;

    public void Failed(Exception error)
    {
        lock (gate)
        {
            failedAt = time.GetTimestamp();
            if (downSince == 0)
            {
                downSince = saidAt = time.GetTimestamp();
                Log.Unreachable(log, description, FirstLine(error));
            }
            else if (time.GetElapsedTime(saidAt) >= RepeatEvery)
            {
                saidAt = time.GetTimestamp();
                Log.StillUnreachable(log, description, (int)time.GetElapsedTime(downSince).TotalSeconds, FirstLine(error));
            }
        }
    }

    // The rest may show values of records.
    private static string FirstLine(Exception error) => ErrorText.WithRemedy(error, error.Message.Split('\n', 2)[0].TrimEnd());

    /// <summary>Something has worked. The outage is over when nothing has failed for a few seconds.</summary>
    public void Worked()
    {
        if (Volatile.Read(ref downSince) == 0) return;
        lock (gate)
        {
            if (downSince == 0 || time.GetElapsedTime(failedAt) < Calm) return;
            Log.Reachable(log, description, (int)time.GetElapsedTime(downSince, failedAt).TotalSeconds);
            downSince = 0;
        }
    }
}
