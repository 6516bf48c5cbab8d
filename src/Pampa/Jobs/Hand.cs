namespace Pampa.Jobs;

/// <summary>
/// What a worker has in hand of one job: reservations that wait for their start, in order. The dispatcher of the same
/// process puts in, the node takes out; it is all that the two sides share.
/// </summary>
/// <param name="worker">The worker.</param>
/// <param name="session">Its life in which it holds it.</param>
internal sealed class Hand(string worker, long session = 0)
{
    private readonly Lock gate = new();
    private readonly LinkedList<Reservation> waiting = [];
    private volatile bool isResting;
    private volatile bool isLeaked;
    private volatile bool isBusy;
    private bool isClosed;

    public string Worker => worker;

    public long Session => session;

    /// <summary>How many wait for their start.</summary>
    public int Count
    {
        get
        {
            lock (gate) return waiting.Count;
        }
    }

    /// <summary>Whether nothing shall be put in for the moment: the worker is held up by a long task.</summary>
    public bool IsResting
    {
        get => isResting;
        set => isResting = value;
    }

    /// <summary>Whether a task of the job keeps the worker although its time is over and its token cancelled.</summary>
    public bool IsLeaked
    {
        get => isLeaked;
        set => isLeaked = value;
    }

    /// <summary>Whether a task of the job has kept the worker for a second or longer.</summary>
    public bool IsBusy
    {
        get => isBusy;
        set => isBusy = value;
    }

    /// <summary>What there is to say of it.</summary>
    public WorkerWord Word => new(worker, Count, IsResting, IsLeaked, IsBusy);

    /// <summary>Puts a reservation in. False: the hand is closed, its worker is gone.</summary>
    public bool Add(Reservation reservation)
    {
        lock (gate)
        {
            if (isClosed) return false;
            waiting.AddLast(reservation);
            return true;
        }
    }

    /// <summary>
    /// Takes what may be started now: up to <paramref name="ahead"/> first attempts, or one record that was tried
    /// before.
    /// </summary>
    public void Take(int ahead, bool workerIsIdle, List<Reservation> into)
    {
        lock (gate)
        {
            for (var taken = 0; taken < ahead && waiting.First is { } next; taken++)
            {
                // A record with an earlier attempt starts alone, so that a poisonous one cannot charge its neighbours
                // twice.
                var triedBefore = next.Value.Attempts > 0;
                if (triedBefore && !(workerIsIdle && taken == 0)) return;
                waiting.RemoveFirst();
                into.Add(next.Value);
                if (triedBefore) return;
            }
        }
    }

    /// <summary>The next one, where it was tried before; else null.</summary>
    public Reservation? NextTried
    {
        get
        {
            lock (gate) return waiting.First is { Value: { Attempts: > 0 } next } ? next : null;
        }
    }

    /// <summary>
    /// Whether it has less than a batch, all first attempts, so that waiting would make a larger one. What waits behind a record
    /// that was tried before is not in the same batch.
    /// </summary>
    public bool IsFilling(int size)
    {
        lock (gate) return waiting.Count > 0 && waiting.Count < size && waiting.All(r => r.Attempts == 0);
    }

    /// <summary>Since when the node has seen it so; 0: it is not.</summary>
    public long FillingSince { get; set; }

    /// <summary>Takes one out, if it is there: the same record was reserved anew.</summary>
    public void Remove(TaskKey key, Claim claim)
    {
        lock (gate)
        {
            for (var node = waiting.First; node is not null; node = node.Next)
            {
                if (!node.Value.Key.Equals(key) || node.Value.Claim != claim) continue;
                waiting.Remove(node);
                return;
            }
        }
    }

    /// <summary>Takes out what is more than some, the last ones.</summary>
    public List<Reservation> TakeBeyond(int keep)
    {
        lock (gate)
        {
            var surplus = waiting.Skip(keep).ToList();
            for (var i = 0; i < surplus.Count; i++) waiting.RemoveLast();
            return surplus;
        }
    }

    /// <summary>Takes everything out.</summary>
    public List<Reservation> Empty()
    {
        lock (gate)
        {
            var all = waiting.ToList();
            waiting.Clear();
            return all;
        }
    }

    /// <summary>Takes everything out and lets nothing more in.</summary>
    public List<Reservation> Close()
    {
        lock (gate)
        {
            isClosed = true;
            return Empty();
        }
    }
}
