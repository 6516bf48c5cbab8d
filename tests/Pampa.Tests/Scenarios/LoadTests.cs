using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pampa.Dispatching;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Scenarios;

/// <summary>The parts that decide from numbers: who gets how much, who is dead, when somebody is woken.</summary>
public sealed class LoadTests
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(30);
    private readonly FakeTimeProvider time = new();

    private static JobDefinition Job(Action<JobBuilder>? configure = null)
    {
        var errors = new List<string>();
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", job =>
        {
            job.Process(_ => { });
            configure?.Invoke(job);
        });
        var built = builder.Build(errors);
        Assert.Empty(errors);
        return built[0];
    }

    private JobLoad Measured(double milliseconds, int tasks, Action<JobBuilder>? configure = null)
    {
        var load = new JobLoad(Job(configure), NullLogger.Instance, time);
        for (var i = 0; i < tasks; i++) load.Durations.Add(TimeSpan.FromMilliseconds(milliseconds));
        load.Measure();
        return load;
    }

    [Theory]
    [InlineData(0.1, 1_000)]
    [InlineData(1, 200)]
    [InlineData(10, 20)]
    [InlineData(50, 5)]
    [InlineData(60_000, 5)]
    public void A_hand_holds_two_dispatch_intervals_of_work_between_the_jobs_limits(double milliseconds, int depth) =>
        Assert.Equal(depth, Measured(milliseconds, 10).Depth);

    [Fact]
    public void Without_a_measurement_the_depth_is_QueueSize() =>
        Assert.Equal((7, 1), (Measured(1, 0, job => job.QueueSize = 7).Depth, Measured(1, 0).Ahead));

    [Theory]
    [InlineData(1, 199, 1)]
    [InlineData(1, 200, 50)]
    [InlineData(4, 200, 12)]
    [InlineData(5, 200, 10)]
    [InlineData(10, 200, 5)]
    [InlineData(40, 200, 2)]
    [InlineData(50, 200, 1)]
    [InlineData(0.001, 200, Limits.StartAheadRows)]
    public void Fifty_milliseconds_of_quick_tasks_are_started_ahead(double milliseconds, int tasks, int ahead) =>
        Assert.Equal(ahead, Measured(milliseconds, tasks).Ahead);

    [Theory, InlineData(3, 3), InlineData(1, 1), InlineData(1_000, 50)]
    public void No_more_than_a_hand_may_hold_is_started_ahead(int most, int ahead) => Assert.Equal(ahead, Measured(1, 200, job =>
    {
        job.QueueSize = 1;
        job.MaxQueueSize = most;
    }).Ahead);

    [Fact]
    public void One_slow_task_in_fifty_ends_starting_ahead_at_the_next_measurement()
    {
        var load = Measured(1, 500);
        for (var i = 0; i < 10; i++) load.Durations.Add(TimeSpan.FromSeconds(1));

        load.Measure();
        Assert.Equal(50, load.Ahead);
        time.Advance(TimeSpan.FromMilliseconds(100));
        load.Measure();
        Assert.Equal(1, load.Ahead);
    }

    private static Hand Filled(string worker, int count)
    {
        var hand = new Hand(worker);
        for (var i = 0; i < count; i++) hand.Add(new Reservation(new TaskKey($"{worker}-{i}"), worker, "", 0));
        return hand;
    }

    [Fact]
    public void Slots_are_dealt_in_turns_and_hands_more_than_half_full_are_left_alone()
    {
        WorkerHand[] hands = [Hand("a.1", 3), Hand("a.2", 0), Hand("a.3", 4), Hand("a.4", 2)];

        Assert.Equal(
            ["a.2", "a.2", "a.2", "a.4", "a.1", "a.2", "a.4", "a.1", "a.2", "a.4", "a.1", "a.2", "a.4"],
            Slots(hands, 100));
        Assert.Equal(["a.2", "a.2", "a.2", "a.4"], Slots(hands, 4));
        Assert.Empty(Slots([Hand("a.1", 4)], 100));
        // What there is little of goes to those that have least.
        Assert.Equal(["a.2", "a.2", "a.1", "a.2"], Slots([Hand("a.1", 2), Hand("a.2", 0)], 4));
        // Each to its own depth; one that rests gets nothing.
        Assert.Equal(["a.1", "a.2", "a.1"], Slots([Hand("a.1", 0) with { Depth = 2 }, Hand("a.2", 0) with { Depth = 1 }, Hand("a.3", 0) with { IsResting = true }], 100));
    }

    private static WorkerHand Hand(string worker, int count) => new(worker, "a", count, IsResting: false, Depth: 6);

    private static IEnumerable<string> Slots(WorkerHand[] hands, int max) => Assignment.Slots(hands, max).Select(s => s.Worker);

    private static List<string> Taken(Hand hand, int ahead, bool idle)
    {
        var taken = new List<Reservation>();
        hand.Take(ahead, idle, taken);
        return taken.ConvertAll(r => r.Key.ToString());
    }

    [Fact]
    public void A_hand_gives_first_attempts_in_order_and_a_tried_record_alone_and_only_to_an_idle_worker()
    {
        var hand = new Hand("a.1");
        foreach (var (key, attempts) in new[] { ("1", 0), ("2", 0), ("3", 1), ("4", 0) })
            hand.Add(new Reservation(new TaskKey(key), "a.1", "", attempts));

        Assert.Equal(["1", "2"], Taken(hand, ahead: 10, idle: true));
        Assert.Empty(Taken(hand, ahead: 10, idle: false));
        Assert.Equal(["3"], Taken(hand, ahead: 10, idle: true));
        Assert.Equal(["4"], Taken(hand, ahead: 10, idle: false));
        Assert.Equal(0, hand.Count);
    }

    private static WorkerLife Life(string beat, bool expired = false, string state = WorkerStates.Ready, long session = 1, TimeSpan? lease = null) =>
        new("a.1", "a", session, beat, expired, state, "elsewhere/1/1", lease ?? Ttl);

    [Fact]
    public void An_expired_worker_is_dead_half_a_lease_after_it_was_first_seen_so()
    {
        var watch = new Watch(time);
        Assert.Empty(watch.Look([Life("1", expired: true)]));
        time.Advance(Ttl / 2 - TimeSpan.FromSeconds(1));
        Assert.Empty(watch.Look([Life("1", expired: true)]));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([new DeadWorker("a.1", 1, "1")], watch.Look([Life("1", expired: true)]));
    }

    [Fact]
    public void A_worker_whose_heartbeat_stands_still_for_a_lease_is_dead_whatever_the_databases_clock_says()
    {
        var watch = new Watch(time);
        watch.Look([Life("1")]);
        time.Advance(Ttl - TimeSpan.FromSeconds(1));
        Assert.Empty(watch.Look([Life("1")]));
        Assert.Empty(watch.Look([Life("2")]));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(watch.Look([Life("2")]));
        time.Advance(Ttl);
        Assert.Single(watch.Look([Life("2")]));
    }

    [Fact]
    public void A_dead_worker_is_left_to_whoever_starts_it_again_for_a_while()
    {
        var parts = ProcessIdentity.Current.Split('/');
        string Dead(string by) => string.Join('/', [.. parts[..^2], .. by.Length > 0 ? [by] : Array.Empty<string>(), "2147483647", "1"]);
        var supervised = Life("1") with { Process = Dead($"{parts[^2]}-{parts[^1]}") };
        var watch = new Watch(time);
        Assert.Empty(watch.Look([supervised]));
        // Nothing is dealt to it meanwhile.
        Assert.Equal([supervised.Id], watch.Gone);
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(watch.Look([supervised]));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(watch.Look([supervised]));
        // The next one has its time, too; but whom nobody starts again is dead at once.
        Assert.Empty(watch.Look([supervised with { Session = 2, Process = supervised.Process[..^1] + "2" }]));
        Assert.Single(watch.Look([Life("1") with { Process = Dead($"{parts[^2]}-1") }]));
        Assert.Single(watch.Look([Life("1") with { Process = Dead("") }]));
    }

    [Fact]
    public void A_worker_is_judged_by_the_lease_time_that_its_own_process_has_set()
    {
        var watch = new Watch(time);
        var longer = 4 * Ttl;
        watch.Look([Life("1", lease: longer)]);
        time.Advance(longer - TimeSpan.FromSeconds(1));
        Assert.Empty(watch.Look([Life("1", lease: longer)]));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(watch.Look([Life("1", lease: longer)]));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1e9, 3600)]
    public void A_lease_time_that_no_process_can_have_set_is_taken_for_the_next_that_one_can(double lease, double taken)
    {
        var watch = new Watch(time);
        var life = Life("1", lease: TimeSpan.FromSeconds(lease));
        watch.Look([life]);
        time.Advance(TimeSpan.FromSeconds(taken) - TimeSpan.FromMilliseconds(1));
        Assert.Empty(watch.Look([life]));
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Single(watch.Look([life]));
    }

    [Fact]
    public void A_dead_worker_is_news_until_it_is_settled_and_again_in_a_new_life()
    {
        var watch = new Watch(time);
        var dead = watch.Look([Life("1", state: WorkerStates.Resigned)]);
        Assert.True(watch.HasNews);
        watch.Settle(dead);
        Assert.Single(watch.Look([Life("1", state: WorkerStates.Resigned)]));
        Assert.False(watch.HasNews);
        watch.Look([Life("2", state: WorkerStates.Resigned, session: 2)]);
        Assert.True(watch.HasNews);
    }

    [Fact]
    public async Task A_signal_is_kept_for_the_next_wait_and_counts_once()
    {
        var signal = new Signal();
        signal.Set();
        signal.Set();
        await signal.WaitAsync(Ttl, time, TestContext.Current.CancellationToken);

        var second = signal.WaitAsync(Ttl, time, TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);
        signal.Set();
        await second.WaitAsync(Ttl, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_wait_ends_by_time_and_by_a_stop_without_an_error()
    {
        var signal = new Signal();
        var byTime = signal.WaitAsync(TimeSpan.FromSeconds(1), time, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(1));
        await byTime.WaitAsync(Ttl, TimeProvider.System, TestContext.Current.CancellationToken);

        using var stopping = new CancellationTokenSource();
        var byStop = signal.WaitAsync(TimeSpan.FromSeconds(1), time, stopping.Token);
        await stopping.CancelAsync();
        await byStop.WaitAsync(Ttl, TimeProvider.System, TestContext.Current.CancellationToken);
    }
}
