using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Pampa.Serving;

namespace Pampa.Showing;

/// <summary>
/// Looks at the cluster every two seconds while somebody looks on, once for all who do. What it sees last stays until it sees something
/// newer, with its age; so pages show something while the database does not answer.
/// </summary>
internal sealed class Watcher(
    PampaCluster cluster, PampaDashboardOptions options, Reads reads, Operations operations, TimeProvider time, ILogger log,
    CancellationToken stopping)
{
    public const int MostViewers = 50;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(15);

    // Longer than any look takes, and not so long that nodes are told of that are gone.
    private static readonly TimeSpan Usable = TimeSpan.FromMinutes(1);
    private readonly Lock mutex = new();
    private readonly Channel<bool> hurry = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Snapshots snapshots = new(cluster, options, reads, operations, time, log);
    private TaskCompletionSource<(byte[] Bytes, long Version)> next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (byte[] Bytes, long Version) current = ([], 0);
    private SnapshotShape? seen;
    private long lastAsked;
    private long lastTaken;
    private int viewers;
    private bool isLooking;

    /// <summary>Counts a viewer until he is disposed; null: there are too many.</summary>
    public IDisposable? Enter()
    {
        lock (mutex)
        {
            if (viewers >= MostViewers) return null;
            viewers++;
        }
        return new Leaving(this);
    }

    /// <summary>What was seen in the last few seconds.</summary>
    public Task<(byte[] Bytes, long Version)> CurrentAsync(CancellationToken ended)
    {
        lock (mutex)
        {
            if (current.Version > 0 && time.GetElapsedTime(lastTaken) < Fresh) return Task.FromResult(Touch(current));
            Touch(current);
            return next.Task.WaitAsync(ended);
        }
    }

    /// <summary>The same for a program. It comes back by itself: for it is looked once, and not for a while.</summary>
    public async Task<SnapshotShape> SeenAsync(CancellationToken ended)
    {
        Task<(byte[] Bytes, long Version)> coming;
        lock (mutex)
        {
            if (seen is not null && time.GetElapsedTime(lastTaken) < Fresh) return seen;
            Look();
            coming = next.Task;
        }
        await coming.WaitAsync(ended);
        lock (mutex) return seen!;
    }

    /// <summary>What was seen last, however long the next look takes; it is begun. That is waited for only where nothing was seen for a while.</summary>
    public Task<SnapshotShape> LastAsync(CancellationToken ended)
    {
        lock (mutex)
        {
            if (seen is not null && time.GetElapsedTime(lastTaken) < Usable)
            {
                if (time.GetElapsedTime(lastTaken) >= Fresh) Look();
                return Task.FromResult(seen);
            }
        }
        return SeenAsync(ended);
    }

    /// <summary>The next thing seen that is newer.</summary>
    public Task<(byte[] Bytes, long Version)> NextAsync(long seen, CancellationToken ended)
    {
        lock (mutex)
        {
            Touch(current);
            // Of a look that is long over something newer comes at once.
            return current.Version > seen && time.GetElapsedTime(lastTaken) < Fresh ? Task.FromResult(current) : next.Task.WaitAsync(ended);
        }
    }

    /// <summary>Looks at once: something was done.</summary>
    public void Hurry() => hurry.Writer.TryWrite(true);

    private T Touch<T>(T answer)
    {
        lastAsked = time.GetTimestamp();
        Look();
        return answer;
    }

    private void Look()
    {
        if (isLooking) return;
        isLooking = true;
        _ = Task.Run(LookAsync, CancellationToken.None);
    }

    private async Task LookAsync()
    {
        try
        {
            while (!Publish(await snapshots.TakeAsync(stopping))) await PauseAsync();
        }
        catch (Exception e)
        {
            // Streams end by it, and their pages ask anew: a look that is over without a word would leave them waiting for ever.
            Log.NotSeen(log, e);
            TaskCompletionSource<(byte[] Bytes, long Version)> waiting;
            lock (mutex)
            {
                isLooking = false;
                (waiting, next) = (next, new(TaskCreationOptions.RunContinuationsAsynchronously));
            }
            waiting.TrySetException(e);
        }
    }

    // Whether it is the last one for now. Once that is said somebody else may begin: nothing that is shared is looked at afterwards.
    private bool Publish(Sight sight)
    {
        TaskCompletionSource<(byte[] Bytes, long Version)> waiting;
        (byte[] Bytes, long Version) published;
        bool isLast;
        lock (mutex)
        {
            published = current = (sight.Bytes, current.Version + 1);
            seen = sight.Shape;
            lastTaken = time.GetTimestamp();
            (waiting, next) = (next, new(TaskCreationOptions.RunContinuationsAsynchronously));
            isLast = stopping.IsCancellationRequested || (viewers == 0 && time.GetElapsedTime(lastAsked) > Linger);
            if (isLast) isLooking = false;
        }
        waiting.TrySetResult(published);
        return isLast;
    }

    private async Task PauseAsync()
    {
        using var interval = new CancellationTokenSource(Interval, time);
        try
        {
            await hurry.Reader.ReadAsync(interval.Token);
        }
        catch (OperationCanceledException)
        {
            // Nobody is in a hurry.
        }
    }

    private sealed class Leaving(Watcher watcher) : IDisposable
    {
        private bool isOut;

        public void Dispose()
        {
            lock (watcher.mutex)
            {
                if (!isOut) watcher.viewers--;
                isOut = true;
            }
        }
    }
}
