using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// Waits at the start for a server that is there and lets nobody in just now: all its connections are taken, or it has not started yet. A
/// process that already works waits the same way, in its loops.
/// </summary>
/// <param name="dialect">Knows such errors.</param>
/// <param name="description">Where the database is, for people.</param>
/// <param name="tell">Told when the waiting begins, once a minute that it goes on, and when it is over; null: nothing is waited for.</param>
/// <param name="time">Time.</param>
internal sealed class Admission(Dialect dialect, string description, Action<string>? tell, TimeProvider time)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RepeatEvery = TimeSpan.FromMinutes(1);

    /// <summary>Does something that needs a connection, again and again until it is had.</summary>
    public async Task<T> EnterAsync<T>(Func<Task<T>> enterAsync, CancellationToken stopping)
    {
        var (since, saidAt) = (0L, 0L);
        while (true)
        {
            try
            {
                var entered = await enterAsync();
                if (since != 0) tell!(FormattableString.Invariant($"The database lets this process in ({description}) after {time.GetElapsedTime(since).TotalSeconds:0} s"));
                return entered;
            }
            // Once it is waited for, it is so until it is there: a server that starts is away for a moment in between.
            catch (Exception e) when (tell is not null && (dialect.IsBusy(e) || (since != 0 && dialect.Classify(e) == ErrorKind.Infrastructure)))
            {
                if (since == 0) since = time.GetTimestamp();
                if (saidAt == 0 || time.GetElapsedTime(saidAt) >= RepeatEvery)
                {
                    saidAt = time.GetTimestamp();
                    tell($"The database lets nobody in just now ({description}); the start waits until it does: {Said(dialect, e)}");
                }
            }
            await Task.Delay(Every, time, stopping);
        }
    }

    /// <summary>An error's cause and what mends it, in one line.</summary>
    public static string Said(Dialect dialect, Exception error)
    {
        var (cause, remedy) = dialect.Trouble(error);
        return remedy is null ? cause : $"{cause}. {remedy}";
    }
}
