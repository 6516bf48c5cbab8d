using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// Says once that the database is out of reach, once a minute that it still is, and once that it is back, whoever meets
/// it.
/// </summary>
/// <param name="dialect">Knows where its errors come from.</param>
/// <param name="description">Where it is, for people.</param>
/// <param name="log">Told.</param>
/// <param name="time">Time.</param>
internal sealed class DatabaseHealth(Dialect dialect, string description, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan RepeatEvery = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    // A database that can only be read, or is full, answers every second statement: that is one outage, not many.
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);
    private readonly HashSet<string> remedies = new(StringComparer.Ordinal);
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
                remedies.Clear();
                if (dialect.Trouble(error).Remedy is { } first) remedies.Add(first);
                downSince = saidAt = time.GetTimestamp();
                Log.Unreachable(log, description, Said(error));
            }
            // What ends a session and what keeps the next one from beginning are two things: whoever could mend it is to hear at once.
            else if (time.GetElapsedTime(saidAt) >= RepeatEvery || (dialect.Trouble(error).Remedy is { } remedy && remedies.Add(remedy)))
            {
                saidAt = time.GetTimestamp();
                Log.StillUnreachable(log, description, (int)time.GetElapsedTime(downSince).TotalSeconds, Said(error));
            }
        }
    }

    private string Said(Exception error) => ErrorText.WithRemedy(error, Admission.Said(dialect, error));

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
