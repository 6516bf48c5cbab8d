using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>Leases with terms, workers with sessions, published jobs.</summary>
public abstract partial class StoreConformance
{
    private Task<LeaseTerm?> AcquireAsync(string holder, string process = "p9", params string[] dead) =>
        Ticked(Workers.AcquireAsync("job:x", holder, process, Ttl, dead, Stopping));

    // As a leader that has waited long enough to see who beats.
    private Task ForgetAsync() => ForgetAsync(Workers);

    private async Task ForgetAsync(ClusterStore store) => await Ticked(store.ForgetWorkersAsync(
        [.. (await store.ReadWorkersAsync(Stopping)).Where(w => w.IsExpired).Select(w => new DeadWorker(w.Id, w.Session, w.Heartbeat))], Stopping));

    [Fact]
    public async Task A_worker_that_was_not_seen_dead_or_beats_meanwhile_is_not_forgotten()
    {
        await AdvanceAsync(8 * 86_400);
        await Ticked(Workers.ForgetWorkersAsync([], Stopping));
        var before = await Workers.ReadWorkersAsync(Stopping);
        Assert.Equal(["a.1", "a.2", "b.1"], before.Select(w => w.Id));
        var seen = before.ConvertAll(w => new DeadWorker(w.Id, w.Session, w.Heartbeat));
        Assert.Equal(["b.1"], await BeatAsync("b.1"));
        await Ticked(Workers.ForgetWorkersAsync([seen[0] with { Session = 9 }, seen[2]], Stopping));
        Assert.Equal(["a.1", "a.2", "b.1"], (await Workers.ReadWorkersAsync(Stopping)).Select(w => w.Id));
        await Ticked(Workers.ForgetWorkersAsync(seen, Stopping));
        Assert.Equal(["b.1"], (await Workers.ReadWorkersAsync(Stopping)).Select(w => w.Id));
    }

    [Fact]
    public async Task Workers_that_nobody_has_heard_of_for_a_week_are_forgotten_but_not_their_sessions()
    {
        await AdvanceAsync(31);
        var second = await Ticked(Workers.RegisterAsync("a", ["a.1"], "p2", Ttl, [], Stopping));
        Assert.Equal([("a.1", 2L)], second);
        // What another cluster has forgotten is its own affair.
        var neighbours = new ClusterStore(Db.Database, "another");
        for (var life = 1; life <= 4; life++) await Ticked(neighbours.RegisterAsync("z", ["z.1"], $"q{life}", Ttl, [$"q{life - 1}"], Stopping));
        await AdvanceAsync(7 * 86_400 - 60);
        await ForgetAsync();
        Assert.Contains("a.1", (await Workers.ReadWorkersAsync(Stopping)).Select(w => w.Id));
        var living = await Ticked(Workers.RegisterAsync("c", ["c.1"], "p3", Ttl, [], Stopping));
        await AdvanceAsync(120);
        await ForgetAsync();
        Assert.Equal([("c.1", 1L)], (await Workers.ReadWorkersAsync(Stopping)).Select(w => (w.Id, w.Session)));

        // A process of a former life may be frozen somewhere: it must not find its session again.
        await ForgetAsync(neighbours);
        Assert.Empty(await neighbours.ReadWorkersAsync(Stopping));
        await Ticked(neighbours.RegisterAsync("a", ["a.1"], "p9", Ttl, [], Stopping));
        Assert.Equal([("a.1", 3L)], await Ticked(Workers.RegisterAsync("a", ["a.1"], "p4", Ttl, [], Stopping)));
        Assert.Equal([("a.1", 5L)], (await neighbours.ReadWorkersAsync(Stopping)).Select(w => (w.Id, w.Session)));
        // Nor does anybody lose one by it, and a second deletion of older ones lowers nothing.
        Assert.Equal(["c.1"], await Ticked(Task.FromResult(Workers.Heartbeat(living!, Ttl))));
        await AdvanceAsync(8 * 86_400);
        await ForgetAsync();
        await ForgetAsync();
        Assert.Empty(await Workers.ReadWorkersAsync(Stopping));
        Assert.Equal([("c.1", 4L), ("d.1", 4L)], (await Ticked(Workers.RegisterAsync("d", ["c.1", "d.1"], "p5", Ttl, [], Stopping)))!.Order());
    }

    [Fact]
    public async Task A_free_lease_is_taken_and_a_held_one_refused()
    {
        Assert.Null(await Workers.ReadHolderAsync("job:x", Stopping));
        Assert.Equal(new LeaseTerm("job:x", "one", 1), await AcquireAsync("one"));
        Assert.Null(await AcquireAsync("two"));
        // Its own holder must renew it; to take it again would be a second term under one term.
        Assert.Null(await AcquireAsync("one"));
        Assert.Equal("one", (await Workers.ReadHolderAsync("job:x", Stopping))?.Holder);
    }

    [Fact]
    public async Task Leases_of_other_scopes_and_clusters_are_independent()
    {
        await AcquireAsync("one");
        Assert.NotNull(await Ticked(Workers.AcquireAsync("job:y", "two", "p", Ttl, [], Stopping)));
        var elsewhere = new ClusterStore(Db.Database, "elsewhere");
        Assert.Equal(1, (await Ticked(elsewhere.AcquireAsync("job:x", "two", "p", Ttl, [], Stopping)))!.Term);
        Assert.Equal("one", (await Workers.ReadHolderAsync("job:x", Stopping))?.Holder);
    }

    [Fact]
    public async Task A_lease_that_is_over_is_taken_with_the_next_term()
    {
        var first = (await AcquireAsync("one"))!;
        await AdvanceAsync(29.9);
        Assert.Null(await AcquireAsync("two"));
        await AdvanceAsync(0.1);
        var second = await AcquireAsync("two");
        Assert.Equal(new LeaseTerm("job:x", "two", 2), second);
        Assert.False(await Ticked(Workers.RenewAsync(first, Ttl, Stopping)));
        Assert.True(await Ticked(Workers.RenewAsync(second!, Ttl, Stopping)));
    }

    [Fact]
    public async Task A_renewed_lease_lasts_from_its_renewal()
    {
        var lease = (await AcquireAsync("one"))!;
        await AdvanceAsync(20);
        Assert.True(await Ticked(Workers.RenewAsync(lease, Ttl, Stopping)));
        await AdvanceAsync(20);
        Assert.Null(await AcquireAsync("two"));
        await AdvanceAsync(11);
        Assert.False(await Ticked(Workers.RenewAsync(lease, Ttl, Stopping)));
        Assert.Null(await Workers.ReadHolderAsync("job:x", Stopping));
    }

    [Theory]
    [InlineData("holder")]
    [InlineData("term")]
    [InlineData("scope")]
    [InlineData("cluster")]
    public async Task A_renewal_or_resignation_of_another_reign_does_nothing(string part)
    {
        var lease = (await AcquireAsync("one"))!;
        var stale = part switch
        {
            "holder" => lease with { Holder = "two" },
            "term" => lease with { Term = 7 },
            "scope" => lease with { Scope = "job:y" },
            _ => lease,
        };
        var workers = part == "cluster" ? new ClusterStore(Db.Database, "elsewhere") : Workers;
        Assert.False(await Ticked(workers.RenewAsync(stale, Ttl, Stopping)));
        await workers.ResignAsync(stale, Stopping);
        Assert.Equal("one", (await Workers.ReadHolderAsync("job:x", Stopping))?.Holder);
    }

    [Fact]
    public async Task A_resigned_lease_is_free_and_its_term_goes_on()
    {
        var lease = (await AcquireAsync("one"))!;
        await Workers.ResignAsync(lease, Stopping);
        Assert.Null(await Workers.ReadHolderAsync("job:x", Stopping));
        Assert.Equal(2, (await AcquireAsync("two"))!.Term);
    }

    [Fact]
    public async Task A_lease_of_a_dead_process_is_taken_at_once()
    {
        await AcquireAsync("one", "p-dead");
        Assert.Null(await AcquireAsync("two", "p2", "p-other"));
        Assert.Equal(2, (await AcquireAsync("two", "p2", "p-other", "p-dead"))!.Term);
    }

    [Fact]
    public async Task The_processes_that_live_rows_name_are_read()
    {
        await AcquireAsync("one", "p-leader");
        Assert.Equal(["p-leader", "p1", "p2"], (await Workers.ReadProcessesAsync(Stopping)).Order());
        await AdvanceAsync(31);
        await BeatAsync("b.1");
        Assert.Equal(["p2"], await Workers.ReadProcessesAsync(Stopping));
    }

    [Fact]
    public async Task New_workers_get_their_first_session_and_are_not_ready_yet()
    {
        var sessions = await Ticked(Workers.RegisterAsync("c", ["c.1", "c.2"], "p3", Ttl, [], Stopping));
        Assert.Equal([("c.1", 1L), ("c.2", 1L)], sessions!.Order());
        var life = (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "c.2");
        Assert.Equal(("c", 1L, false, WorkerStates.Recovering, "p3"), (life.Node, life.Session, life.IsExpired, life.State, life.Process));
        await Workers.MarkReadyAsync(sessions!, Stopping);
        Assert.Equal(WorkerStates.Ready, (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "c.2").State);
    }

    [Fact]
    public async Task Workers_are_registered_all_or_none()
    {
        Assert.Null(await Ticked(Workers.RegisterAsync("b", ["b.0", "b.1", "b.2"], "p3", Ttl, [], Stopping)));
        Assert.Equal(["a.1", "a.2", "b.1"], (await Workers.ReadWorkersAsync(Stopping)).Select(w => w.Id));
        await AdvanceAsync(31);
        var sessions = await Ticked(Workers.RegisterAsync("b", ["b.0", "b.1", "b.2"], "p3", Ttl, [], Stopping));
        Assert.Equal([("b.0", 1L), ("b.1", 2L), ("b.2", 1L)], sessions!.Order());
    }

    [Fact]
    public async Task The_ids_of_a_dead_process_and_of_one_that_resigned_are_taken_at_once()
    {
        Assert.Null(await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p3", Ttl, ["p2"], Stopping)));
        Assert.Equal([("a.1", 2L), ("a.2", 2L)], (await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p3", Ttl, ["p2", "p1"], Stopping)))!.Order());
        await Workers.ResignAsync([("b.1", 1)], Stopping);
        Assert.Equal([("b.1", 2L)], await Ticked(Workers.RegisterAsync("b", ["b.1"], "p4", Ttl, [], Stopping)));
        Assert.Equal(WorkerStates.Recovering, (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "b.1").State);
    }

    [Fact]
    public async Task A_registration_whose_answer_was_lost_is_known_again_by_its_mark_and_nobody_elses_is()
    {
        Task<List<(string Worker, long Session)>?> RegisterAsync(string[] workers, string mark, params string[] inDoubt) =>
            Ticked(Workers.RegisterAsync("c", workers, "p3", Ttl, [], Stopping, new RegistrationMark(mark, inDoubt)));
        string[] both = ["c.1", "c.2"];
        Assert.NotNull(await RegisterAsync(both, "lost"));
        // The same process has it, and that alone says nothing: another node of it may.
        Assert.Null(await RegisterAsync(both, "other"));
        Assert.Null(await RegisterAsync(both, "other", "of another"));
        Assert.Null(await Ticked(Workers.RegisterAsync("c", both, "p3", Ttl, [], Stopping)));
        Assert.Equal([("c.1", 2L), ("c.2", 2L)], (await RegisterAsync(both, "again", "older", "lost"))!.Order());
        // What was sent first comes late: it finds a live row, whatever it is.
        Assert.Null(await RegisterAsync(both, "lost"));
        Assert.Equal([("c.1", 3L)], await RegisterAsync(["c.1"], "third", "again"));
        // It has taken the other one of its node out; a life that is ready may have done something, whoever asks.
        Assert.Equal(["c.1"], await Ticked(Task.FromResult(Workers.Heartbeat([("c.1", 3), ("c.2", 2)], Ttl))));
        await Workers.MarkReadyAsync([("c.1", 3)], Stopping);
        Assert.Null(await RegisterAsync(["c.1"], "fourth", "third"));
        Assert.Null(await RegisterAsync(["c.3", "b.1"], "fifth", "third"));
        Assert.Equal(WorkerStates.Ready, (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "c.1").State);
    }

    [Fact]
    public async Task A_heartbeat_of_a_former_session_is_refused()
    {
        Assert.Equal(["a.1", "a.2", "b.1"], (await BeatAsync()).Order());
        await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p3", Ttl, ["p1"], Stopping));
        var before = await HeartbeatOfAsync("a.1");
        Assert.Equal(["b.1"], await BeatAsync());
        Assert.Equal(before, await HeartbeatOfAsync("a.1"));
    }

    [Fact]
    public async Task A_worker_that_resigned_does_not_beat_again()
    {
        await Workers.ResignAsync([("a.1", 1)], Stopping);
        Assert.Equal(["a.2"], await BeatAsync("a.1", "a.2"));
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("session")]
    [InlineData("cluster")]
    public async Task The_state_of_another_life_is_not_changed(string part)
    {
        var workers = part == "cluster" ? new ClusterStore(Db.Database, "elsewhere") : Workers;
        (string, long) other = part switch { "worker" => ("z.9", 1), "session" => ("a.1", 2), _ => ("a.1", 1) };
        await workers.MarkReadyAsync([other], Stopping);
        await workers.ResignAsync([other], Stopping);
        Assert.Empty(await Ticked(Task.FromResult(workers.Heartbeat([other], Ttl))));
        Assert.All(await Workers.ReadWorkersAsync(Stopping), w => Assert.Equal(WorkerStates.Recovering, w.State));
    }

    [Fact]
    public async Task A_heartbeat_renews_the_lease()
    {
        await AdvanceAsync(20);
        var before = await HeartbeatOfAsync("a.1");
        await BeatAsync("a.1");
        Assert.NotEqual(before, await HeartbeatOfAsync("a.1"));
        await AdvanceAsync(15);
        Assert.Equal([false, true, true], (await Workers.ReadWorkersAsync(Stopping)).Select(w => w.IsExpired));
    }

    [Fact]
    public async Task A_workers_row_tells_the_lease_time_that_its_process_has_set()
    {
        await Ticked(Workers.RegisterAsync("c", ["c.1"], "elsewhere/1/1", TimeSpan.FromSeconds(120.5), [], Stopping));
        async Task<TimeSpan> LeaseAsync() => (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == "c.1").Lease;
        Assert.Equal(TimeSpan.FromSeconds(120.5), await LeaseAsync());
        await AdvanceAsync(50);
        Assert.Equal(TimeSpan.FromSeconds(120.5), await LeaseAsync());
        Workers.Heartbeat([("c.1", 1)], TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.FromSeconds(30), await LeaseAsync());
        await AdvanceAsync(50);
        Assert.Equal(TimeSpan.FromSeconds(30), await LeaseAsync());
    }

    [Fact]
    public async Task Names_of_workers_may_hold_any_character()
    {
        var name = "n'o\"d\\e é.1";
        Assert.Equal([(name, 1L)], await Ticked(Workers.RegisterAsync("n'o\"d\\e é", [name], "p'\"\\", Ttl, ["x'\"\\"], Stopping)));
        await InsertAsync(1);
        var reserved = await ReserveAsync(1, name);
        Assert.Equal(name, Assert.Single(await StartAsync(reserved)).Fence.Worker);
    }

    [Fact]
    public async Task A_published_job_gets_a_new_revision_when_it_differs()
    {
        var errors = new List<string>();
        var job = Definition(errors)!;
        Assert.Equal(1, await Workers.PublishAsync(job, "1.0", Stopping));
        Assert.Equal(1, await Workers.PublishAsync(job, "1.1", Stopping));
        Assert.Equal(2, await Workers.PublishAsync(job with { MaxAttempts = 9 }, "1.1", Stopping));
    }
}
