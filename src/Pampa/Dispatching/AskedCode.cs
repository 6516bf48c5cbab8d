using System.Collections.Concurrent;

namespace Pampa.Dispatching;

/// <summary>The program's own code, asked about one worker after the other, about a few at the same time.</summary>
internal sealed class AskedCode(
    JobDispatch job, Func<AllowContext, CancellationToken, Task<bool>> allowAsync, Trouble trouble, TimeProvider time) : IAsked
{
    /// <summary>
    /// How many workers are asked about at the same time: code that blocks takes a thread each time. What has not answered in time
    /// is not among them any more, whether it has ended or not; its worker is not asked about again until it has.
    /// </summary>
    public const int MostAtOnce = 8;

    private readonly ConcurrentQueue<Answer> waiting = new();
    private readonly Dictionary<string, Answer> answers = new(StringComparer.Ordinal);
    private int askers;

    /// <summary>What is known of a worker.</summary>
    private sealed class Answer(string worker, string node)
    {
        private long askedAt;
        private long answeredAt;
        private volatile bool isWaiting;
        private volatile bool isAsked;
        private volatile bool isYes;
        private int hasPlace;

        public string Worker => worker;

        public string Node => node;

        /// <summary>Whether it waits to be asked about, or is asked about now.</summary>
        public bool IsOpen => isWaiting || isAsked;

        /// <summary>Since when it is asked about; null: it is not.</summary>
        public long? AskedSince => isAsked ? Volatile.Read(ref askedAt) : null;

        public bool IsDue(TimeProvider time) => !IsOpen && (askedAt == 0 || time.GetElapsedTime(Volatile.Read(ref askedAt)) >= Permission.Every);

        public bool IsYes(TimeProvider time) => isYes && time.GetElapsedTime(Volatile.Read(ref answeredAt)) < Permission.Holds;

        public void Wait() => isWaiting = true;

        public void Ask(long now)
        {
            Volatile.Write(ref askedAt, now);
            Volatile.Write(ref hasPlace, 1);
            isAsked = true;
            isWaiting = false;
        }

        /// <summary>Its call does not count any more among those that may be at the same time. Says whether it did.</summary>
        public bool GiveUpPlace() => Interlocked.Exchange(ref hasPlace, 0) == 1;

        public void Take(bool yes, long now)
        {
            Volatile.Write(ref answeredAt, now);
            isYes = yes;
            isAsked = false;
        }
    }

    public IEnumerable<Task> Begin(IReadOnlyList<WorkerHand> workers, CancellationToken stopping)
    {
        Forget(workers);
        foreach (var worker in workers)
        {
            if (!answers.TryGetValue(worker.Worker, out var answer)) answers[worker.Worker] = answer = new Answer(worker.Worker, worker.NodeName);
            if (!answer.IsDue(time)) continue;
            answer.Wait();
            waiting.Enqueue(answer);
        }
        var begun = new List<Task>();
        for (var more = Math.Min(waiting.Count, MostAtOnce - Volatile.Read(ref askers)); more > 0; more--)
        {
            Interlocked.Increment(ref askers);
            begun.Add(job.Beside(() => WorkOffAsync(stopping)));
        }
        return begun;
    }

    private void Forget(IReadOnlyList<WorkerHand> workers)
    {
        if (answers.Count <= workers.Count) return;
        var there = workers.Select(w => w.Worker).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in answers.Values.Where(a => !a.IsOpen && !there.Contains(a.Worker)).ToList())
        {
            answers.Remove(gone.Worker);
            trouble.End(gone.Worker);
        }
    }

    public bool Check()
    {
        var isAnyOpen = false;
        foreach (var answer in answers.Values)
        {
            isAnyOpen |= answer.IsOpen;
            if (answer.AskedSince is not { } since || time.GetElapsedTime(since) < Permission.Deadline) continue;
            trouble.Begin(answer.Worker, Permission.TooLate);
            if (answer.GiveUpPlace()) Interlocked.Decrement(ref askers);
        }
        return isAnyOpen;
    }

    public bool Allows(string worker) => answers.TryGetValue(worker, out var answer) && answer.IsYes(time);

    private async Task WorkOffAsync(CancellationToken stopping)
    {
        var hasPlace = true;
        try
        {
            // Where it came too late somebody else goes on in this place.
            while (hasPlace && waiting.TryDequeue(out var answer))
            {
                var (isYes, error) = await AskAsync(answer, stopping);
                try
                {
                    if (error is not null) trouble.Begin(answer.Worker, error);
                    else if (isYes is not null) trouble.End(answer.Worker);
                }
                finally
                {
                    // Before anybody can ask about the worker anew; and also where a log throws, or nobody ever would.
                    hasPlace = answer.GiveUpPlace();
                    answer.Take(isYes == true, time.GetTimestamp());
                }
            }
        }
        finally
        {
            if (hasPlace) Interlocked.Decrement(ref askers);
        }
    }

    /// <summary>What the code says of a worker; null: nothing that counts, and what is wrong with that where it is to be told here.</summary>
    private async Task<(bool? IsYes, string? Error)> AskAsync(Answer answer, CancellationToken stopping)
    {
        answer.Ask(time.GetTimestamp());
        using var deadline = new CancellationTokenSource(Permission.Deadline, time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        var context = new AllowContext(job.Store.Job.Name, answer.Worker, answer.Node, job.Handlers ?? job.Store.Database.Source);
        try
        {
            var isYes = await allowAsync(context, until.Token);
            return (deadline.IsCancellationRequested ? null : isYes, null);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            return (null, deadline.IsCancellationRequested ? Permission.TooLate : $"it throws {e.GetType().Name}: {e.Message}");
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            // Told to end: nobody asks any more.
            return (null, null);
        }
    }
}
