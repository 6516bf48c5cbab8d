using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// Hears what other processes tell this one, over a connection of its own. It trusts no connection: it tells itself
/// something now and then, and one over which that does not come is closed and opened anew. Meanwhile, and where no message ever
/// comes, the loops find everything when their intervals are over.
/// </summary>
/// <param name="wakeUps">What is told.</param>
/// <param name="openAsync">Opens the connection.</param>
/// <param name="notifications">How to listen on it.</param>
/// <param name="topics">What is listened to: each topic with what its messages do.</param>
/// <param name="isDown">Whether the whole database is out of reach, which others tell.</param>
/// <param name="log">Told when messages stop to come.</param>
/// <param name="time">Time.</param>
internal sealed class Listener(
    WakeUps wakeUps, Func<CancellationToken, ValueTask<DbConnection>> openAsync, INotifications notifications,
    IReadOnlyDictionary<string, Action<string>> topics, Func<bool> isDown, ILogger log, TimeProvider time)
{
    private const string EchoPrefix = "echo ";

    /// <summary>How often it tells itself something.</summary>
    public static readonly TimeSpan EchoEvery = TimeSpan.FromSeconds(30);

    /// <summary>How long that may take.</summary>
    public static readonly TimeSpan EchoTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly Signal echoed = new();
    private readonly string self = $"{EchoPrefix}{Guid.NewGuid():N}";
    private long heardAt;
    private bool isTold;
    private volatile bool isHeard;

    /// <summary>Whether what is told now is likely to come.</summary>
    public bool IsHeard => isHeard;

    /// <summary>Listens until told to stop.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        heardAt = time.GetTimestamp();
        for (var tries = 0; !stopping.IsCancellationRequested; tries++)
        {
            try
            {
                await ListenAsync(() => tries = 0, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // That the database is away is told by whoever needs it. That this connection alone is not to be had is told here.
                if (time.GetElapsedTime(heardAt) >= Patience && !isDown()) Tell(() => Log.NotHeard(log, e.Message.Split('\n', 2)[0]));
            }
            var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, Math.Pow(2, Math.Min(tries, 10))));
            await Task.Delay(pause, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The life of one connection.</summary>
    private async Task ListenAsync(Action heard, CancellationToken stopping)
    {
        await using var connection = await openAsync(stopping);
        foreach (var (topic, act) in topics)
        {
            if (await wakeUps.ChannelAsync(topic, stopping) is { } channel)
                await notifications.ListenAsync(connection, channel, message => Hear(act, message), stopping);
        }
        using var life = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var waiting = WaitAsync(connection, life.Token);
        var echoing = EchoAsync(topics.Keys.First(), heard, life.Token);
        var first = await Task.WhenAny(waiting, echoing);
        isHeard = false;
        await life.CancelAsync();
        await Task.WhenAll(waiting, echoing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private void Hear(Action<string> act, string message)
    {
        if (message == self) echoed.Set();
        else if (!message.StartsWith(EchoPrefix, StringComparison.Ordinal)) act(message);
    }

    private async Task WaitAsync(DbConnection connection, CancellationToken stopping)
    {
        while (true) await notifications.WaitAsync(connection, stopping);
    }

    /// <summary>Ends when what it has told itself does not come.</summary>
    private async Task EchoAsync(string topic, Action heard, CancellationToken stopping)
    {
        while (true)
        {
            // What came for an earlier one says nothing of this one.
            await echoed.WaitAsync(TimeSpan.Zero, time, stopping);
            await wakeUps.SendAsync(topic, [self], stopping);
            if (!await echoed.WaitAsync(EchoTime, time, stopping))
            {
                stopping.ThrowIfCancellationRequested();
                if (!isDown()) Tell(() => Log.HearsNothing(log));
                return;
            }
            heardAt = time.GetTimestamp();
            isHeard = true;
            heard();
            if (isTold) Log.HearsAgain(log);
            isTold = false;
            await Task.Delay(EchoEvery, time, stopping);
        }
    }

    private void Tell(Action say)
    {
        if (!isTold) say();
        isTold = true;
    }
}
