using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>What the dispatcher knows of one job: where it picks on, and when it looks again.</summary>
internal sealed class JobDispatch(TaskStore store, JobLoad load, Action<IReadOnlyList<Reservation>> deliver, TimeSpan pollInterval, TimeProvider time)
{
    // A timer that is over a little early must not cost a whole interval more.
    private const double Early = 0.9;
    private const int LookRarity = 50;
    private static readonly TimeSpan PassEvery = TimeSpan.FromSeconds(10);
    private readonly Lock gate = new();
    private int wakes;
    private int seenWakes;
    private long lookBegan;

    public TaskStore Store => store;

    public JobLoad Load => load;

    /// <summary>What asks the program's own selection; null: records are chosen by condition and order.</summary>
    public JobSelection? Selection { get; } = store.Job.Selecting is null ? null : new JobSelection(store, time);

    /// <summary>The connections for the program's own code; null: those of the store.</summary>
    public DbDataSource? Handlers { get; init; }

    /// <summary>How code of the program's is run beside the loop.</summary>
    public Func<Func<Task>, Task> Beside { get; init; } = run => Task.Run(run);

    /// <summary>
    /// The records that are gone round where keys are named: by the program's own selection, or because the order of the job is not the
    /// one of the key, so that no cursor can pass them by.
    /// </summary>
    public AvoidedKeys LeftOut { get; } = new(time);

    /// <summary>The program's own order of workers; null: there is none.</summary>
    public Ranking? Ranking { get; } = store.Job.WorkerOrder is { } order ? new Ranking(store.Job.Name, order, load.Log) : null;

    /// <summary>The workers that may be given nothing of the job now.</summary>
    public IReadOnlySet<string> Barred { get; set; } = new HashSet<string>();

    private readonly Assignment assignment = new(store.Job);

    /// <summary>The workers that may serve the job, as they were when <see cref="See"/> looked.</summary>
    public IReadOnlyList<WorkerHand> Hands { get; private set; } = [];

    /// <summary>How many workers know the job and run a program that is too old for it.</summary>
    public int TooOld { get; private set; }

    /// <summary>Whether there is any worker at all that knows the job.</summary>
    public bool HasWorkers { get; private set; }

    /// <summary>
    /// Gives tasks that are started to the workers of this process; null: they start theirs themselves, as those of other processes do.
    /// </summary>
    public Action<IReadOnlyList<StartedTask>>? DeliverStarted { get; set; }

    /// <summary>Looks at the hands of all nodes; the own one's come first, where the program has no order of its own.</summary>
    public void See(string ownNode, OtherNodes others)
    {
        load.Measure();
        var isNew = store.Job.AdmitsThis;
        load.StartsAtOnce = isNew && DeliverStarted is not null && load.MayStartAtOnce;
        var own = (isNew ? load.Hands : []).Select((hand, w) => load.StartsAtOnce ? Own(hand, w, ownNode) : Own(hand, ownNode));
        List<WorkerHand> all = [.. own, .. others.Hands(store.Job)];
        TooOld = others.TooOld(store.Job) + (isNew ? 0 : load.Hands.Count);
        HasWorkers = all.Count + TooOld > 0;
        var matching = assignment.Matching(all);
        Hands = Ranking?.Sort(matching) ?? matching;
    }

    /// <summary>The slots to reserve for.</summary>
    public List<Slot> Slots(IReadOnlyList<WorkerHand> workers, int max) => Ranking?.Slots(workers, max) ?? Assignment.Slots(workers, max);

    private WorkerHand Own(Hand hand, string node) => WorkerHand.Of(hand.Word, node, load.Depth);

    private WorkerHand Own(Hand hand, int w, string node)
    {
        var (own, atOnce) = (Own(hand, node), load.AtOnce(w));
        if (atOnce.IsInTurn) return own;
        // Else nothing waits in its hand but what was tried before, and that comes first.
        return own with
        {
            Count = own.Count + (atOnce.Started ?? 0),
            Depth = load.Ahead,
            IsResting = own.IsResting || atOnce.Started is null,
            Session = hand.Session,
        };
    }

    /// <summary>Gives reservations to the workers of this process.</summary>
    public void Deliver(IReadOnlyList<Reservation> reservations) => deliver(reservations);

    /// <summary>The key after which picking goes on while full batches come back; null begins at the first.</summary>
    public TaskKey? Cursor { get; set; }

    /// <summary>What finds records that stand before the cursor.</summary>
    public WayBack Back { get; } = new(store, load.Log, time);

    /// <summary>How long picking may take without a cursor.</summary>
    public WalkLimit Walk { get; } = new(time);

    /// <summary>Whether it was passed by in the last round, because another job had taken long.</summary>
    public bool IsPutOff { get; set; }

    /// <summary>Whether it has just taken too long, so that the job is not looked at now, even if it is woken.</summary>
    public bool Rests => Cursor is null && Walk.Rests;

    /// <summary>
    /// There may be some before the cursor: it is looked for them as soon as that may be. Of a sequence picking begins at the first at once, for there the
    /// next one is always before it.
    /// </summary>
    public void GoBack()
    {
        if (store.Job.Sequence is not null) Cursor = null;
        else Back.Hasten();
    }

    /// <summary>
    /// How many rows a RESERVE that cannot pass locked rows by asks for; halved when it meets a lock, so that it comes
    /// to the locked one.
    /// </summary>
    public int Limit { get; set; } = int.MaxValue;

    /// <summary>The record that was last gone round: locked by somebody, or refused by a rule of the table.</summary>
    public TaskKey? Avoided { get; set; }

    /// <summary>When that was.</summary>
    public long AvoidedAt { get; set; }

    /// <summary>How often it is said that a record is gone round, that a pass has failed, and that picking takes too long.</summary>
    public Telling GoneRound { get; } = new(time);

    public Telling PassFailures { get; } = new(time);

    public Telling TooLong { get; } = new(time);

    /// <summary>For how long it and all before it are.</summary>
    public TimeSpan AvoidFor { get; set; }

    /// <summary>Whether it is that long now.</summary>
    public bool GoesRound => Avoided is not null && time.GetElapsedTime(AvoidedAt) < AvoidFor;

    /// <summary>How many of those, since picking began at the first record, a rule of the table has refused.</summary>
    public int Refused { get; set; }

    /// <summary>Whether the last full pass met a lock or a refusal; then the next one waits for its turn.</summary>
    public bool PassFailed { get; set; }

    /// <summary>When the last look found less than was asked for; 0 while there is more.</summary>
    public long EmptySince { get; set; }

    /// <summary>There may be more: told by whatever thread knows.</summary>
    public void Wake()
    {
        lock (gate)
        {
            wakes++;
            EmptySince = 0;
        }
    }

    /// <summary>Whether that was told since the last look began.</summary>
    public bool IsWoken
    {
        get
        {
            lock (gate) return wakes != seenWakes;
        }
    }

    /// <summary>
    /// When to look again for records that nobody has told of. Where a look takes long (it passes by a million that are
    /// scheduled), it comes so seldom that it costs a fiftieth of a processor.
    /// </summary>
    private readonly Pace looks = new(pollInterval * Early, time, LookRarity);

    /// <summary>Whether that is now.</summary>
    public bool IsLookDue => EmptySince == 0 || looks.IsDue;

    /// <summary>A look begins.</summary>
    public void BeginLook()
    {
        lookBegan = time.GetTimestamp();
        // What is told while the program's selection is at it, it may not have seen.
        if (Selection is { IsUnderWay: true }) return;
        lock (gate)
        {
            WasWoken = wakes != seenWakes;
            // It may lie behind the cursor, if there is one: a job that has found no more begins at the first anyway.
            if (WasWoken) GoBack();
            seenWakes = wakes;
        }
    }

    /// <summary>Whether it was told of records, for which this look is.</summary>
    public bool WasWoken { get; private set; }

    /// <summary>Whether the last look found less than was asked for; being woken does not change that.</summary>
    public bool FoundLittle { get; private set; }

    /// <summary>A look is over. What was told meanwhile it may not have seen.</summary>
    public void EndLook(bool mayBeMore, bool? foundLittle = null)
    {
        FoundLittle = foundLittle ?? !mayBeMore;
        looks.End(lookBegan);
        lock (gate) EmptySince = mayBeMore || wakes != seenWakes ? 0 : time.GetTimestamp();
    }

    /// <summary>There is nobody to look for records for: whether there are any is not known.</summary>
    public void SkipLook()
    {
        ForgetLook();
        looks.Restart();
        lock (gate) EmptySince = wakes != seenWakes ? 0 : time.GetTimestamp();
    }

    /// <summary>What the last look found is too old to tell what is due.</summary>
    public void ForgetLook() => FoundLittle = false;

    /// <summary>Whether it was said that no worker of the cluster serves the job.</summary>
    public bool IsUnserved { get; set; }

    /// <summary>When the next full pass is due.</summary>
    public Pace Pass { get; } = new(PassEvery, time);
}
