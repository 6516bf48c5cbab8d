using Pampa.Chaos.Checks;
using Pampa.Chaos.Work;
using static Pampa.Tests.Chaos.MadeHistory;

namespace Pampa.Tests.Chaos;

/// <summary>The checker of the chaos program is not blind: each check misses what it is about.</summary>
public sealed class CheckerTests
{
    private static void Breaks(string check, History history) => Assert.Contains(check, Names(history));

    private static IEnumerable<string> Names(History history) => AllChecks.Broken(history).Select(b => b.Check.Name.Split(' ')[0]);

    [Fact]
    public void A_history_in_which_all_is_right_breaks_nothing() =>
        Assert.Empty(AllChecks.Broken(Good).Select(b => $"{b.Check.Name}: {string.Join("; ", b.Where)}"));

    [Fact]
    public void A_change_that_does_not_begin_where_the_last_one_ended()
    {
        Breaks("C1", Of(Reserve, Start with { Old = Reserved with { Rt = At(0.5) } }, Complete));
        Breaks("C1", Of(Reserve, Complete));
        Breaks("C1", Good with { Rows = [new FinalRow(1, Kind.Quick, Completed with { Err = "changed behind the audit's back" }, 1)] });
    }

    public static TheoryData<string, object, object> WrongSteps => new()
    {
        { "reserved while somebody held it", Reserved, Reserved with { Rid = "b.1", Rt = At(5) } },
        { "reserved before it was due", Free with { Rt = At(50) }, Reserved with { Rt = At(5) } },
        { "reserved with another time than now", Free, Reserved with { Rt = At(4) } },
        { "reserved without an attempt left", Free with { N = 3 }, Reserved with { N = 3, Rt = At(5) } },
        { "reserved with the success of before", Free with { Ok = false, Err = "no", N = 1 }, Reserved with { Ok = false, Err = "no", N = 1, Rt = At(5) } },
        { "started for another worker", Reserved, Running with { Rid = "b.1" } },
        { "started without being counted", Reserved, Running with { N = 0 } },
        { "started with a new reservation time", Reserved, Running with { Rt = At(5) } },
        { "started beyond the limit", Reserved with { N = 3 }, Running with { N = 4 } },
        { "completed for another worker", Running, Completed with { Rid = "b.1" } },
        { "completed with another number", Running, Completed with { N = 2 } },
        { "completed with another start", Running, Completed with { St = At(2.5) } },
        { "completed with an error", Running, Completed with { Err = "no" } },
        { "completed without a start", Reserved, Completed },
        { "to be tried again without an attempt left", Running with { N = 3 }, Again with { N = 3, Rt = At(6) } },
        { "to be tried again before now", Running, Again with { Rt = At(4) } },
        { "taken back for good with attempts left", Running, Running with { Et = At(5), Ok = false, Err = "worker a.1 lost during attempt 1 of 3" } },
        { "released and charged", Reserved, Free with { N = 1 } },
        { "released with a time", Reserved, Free with { Rt = At(9) } },
        { "ended and changed", Completed, Completed with { Err = "no" } },
        { "ended and reserved", Completed, Reserved with { Rt = At(5) } },
        { "finalised with attempts left", Free with { N = 1 }, Free with { N = 1, Et = At(5), Ok = false } },
        { "forgiven twice", Running with { N = 3 }, Free with { N = 1, Rt = At(6) } },
        { "free and changed", Free, Free with { Err = "no" } },
    };

    [Theory, MemberData(nameof(WrongSteps))]
    public void A_change_that_is_no_transition(string what, object before, object after)
    {
        Assert.NotEmpty(what);
        Breaks("C2", Of(Step(5, "a~1", (RowState)before, (RowState)after)));
    }

    [Fact]
    public void An_attempt_that_starts_or_is_executed_twice_or_only_executed()
    {
        Breaks("C3", Of(Reserve, Start, Start));
        Breaks("C3", Good with { Ledger = [.. Good.Ledger, Said(LedgerLine.Start, 2.5)] });
        Breaks("C3", Good with { Ledger = [.. Good.Ledger, Said(LedgerLine.Start, 2.5, "b.1", 2)] });
    }

    [Fact]
    public void An_attempt_with_two_outcomes_or_one_that_was_never_started_or_is_forgiven_when_it_is_done()
    {
        Breaks("C4", Of(Reserve, Start, TakeBack(9), Complete));
        Breaks("C4", Of(Reserve, Complete));
        Breaks("C4", Of(Reserve, Start, Step(9, "a~1", Running, Free with { Rt = At(10) })) with { Ledger = Good.Ledger });
        Breaks("C4", Of(Reserve, Start, Step(9, "a~1", Running, Free with { Rt = At(10) }) with { NewTotal = 1, NewResult = "0/1" }));
    }

    [Fact]
    public void More_attempts_than_the_limit() => Breaks("C5", Of(Step(2, "a~1", Reserved with { N = 3 }, Running with { N = 4 })));

    [Fact]
    public void A_task_that_is_lost_or_does_not_end_or_ends_as_it_cannot()
    {
        Breaks("C6", Good with { Inserted = [1, 2] });
        Breaks("C6", Good with { Rows = [new FinalRow(1, Kind.Quick, Running, 1)] });
        Breaks("C6", Good with { Rows = [new FinalRow(1, Kind.FailsAlways, Completed, 1)] });
        Breaks("C6", Good with { Rows = [new FinalRow(1, Kind.Recurring, Completed, 2)] });
        Breaks("C6", Good with { Rows = [new FinalRow(1, Kind.Quick, Completed with { Ok = false, Err = "out of the blue" }, 1)] });
    }

    [Fact]
    public void A_task_that_waits_for_the_time_of_a_clock_that_was_ahead_is_not_lost()
    {
        History Waiting(Kind kind, RowState state) =>
            Good with { Rows = [new FinalRow(1, kind, state, 2)], FalseClocks = [(0, 9)], ReadAt = At(100) };
        bool IsLost(History history) => AllChecks.Broken(history).Any(b => b.Check.Name.StartsWith("C6", StringComparison.Ordinal));

        Assert.False(IsLost(Waiting(Kind.FailsOnce, Again with { Rt = At(1000) })));
        Assert.False(IsLost(Waiting(Kind.Recurring, Completed with { Et = At(1000) })));
        Assert.True(IsLost(Waiting(Kind.FailsOnce, Again with { Rt = At(99) })));
        Assert.True(IsLost(Waiting(Kind.FailsOnce, Reserved with { Rt = At(1000) })));
        Assert.True(IsLost(Waiting(Kind.Recurring, Completed with { Et = At(99) })));
        Assert.True(IsLost(Waiting(Kind.FailsAlways, Completed with { Et = At(1000) })));
        Assert.True(IsLost(Waiting(Kind.FailsOnce, Again with { Rt = At(1000) }) with { FalseClocks = [] }));
    }

    [Fact]
    public void A_completion_without_an_execution_or_before_its_end()
    {
        Breaks("C7", Good with { Ledger = [] });
        Breaks("C7", Good with { Ledger = [Said(LedgerLine.Start, 2.1)] });
        Breaks("C7", Good with { Ledger = [Said(LedgerLine.Start, 2.1), Said(LedgerLine.End, 9)] });
        Breaks("C7", Good with { Ledger = [Said(LedgerLine.Start, 2.1, "b.1"), Said(LedgerLine.End, 2.9, "b.1")] });
    }

    [Fact]
    public void A_failure_of_a_handler_that_had_ended_well()
    {
        History Failing(string word) => Of(Reserve, Start, Step(4, "a~1", Running, Again with { Rt = At(5) })) with
        {
            Ledger = [Said(LedgerLine.Start, 2.1), Said(word, 2.9)],
        };

        Breaks("C7", Failing(LedgerLine.End));
        Assert.DoesNotContain("C7 ledger", AllChecks.Broken(Failing(LedgerLine.Thrown)).Select(b => b.Check.Name));
    }

    [Fact]
    public void An_effect_of_another_attempt_or_twice_or_without_a_completion()
    {
        Breaks("C8", With(Complete, s => s with { NewResult = "0/2" }));
        Breaks("C8", With(Complete, s => s with { NewTotal = 2 }));
        Breaks("C8", With(Complete, s => s with { NewResult = null, NewTotal = 0 }));
        Breaks("C8", With(Start, s => s with { NewTotal = 1 }));
        Breaks("C8", Good with { Rows = [new FinalRow(1, Kind.Quick, Completed, 2)] });
        Breaks("C8", Good with { Rows = [new FinalRow(1, Kind.Effect, Completed, 1)] });
        Breaks("C8", Good with { Effects = [(1, 0, 2)] });
        Breaks("C8", Good with { Journal = [(1, 0, 1), (1, 0, 1)] } with { Steps = OfAnother("b.1") });
        Breaks("C8", Good with { Steps = OfAnother("b.1") });
        Breaks("C8", Of(Reserve, Start) with { Journal = [(1, 0, 1)] });
        Assert.DoesNotContain("C8 effects", AllChecks.Broken(Good with { Journal = [(1, 0, 1)], Steps = OfAnother("b.1") }).Select(b => b.Check.Name));
    }

    // The same as the good one, by a worker of a build with transactions.
    private static IReadOnlyList<AuditStep> OfAnother(string worker) =>
        [.. Good.Steps.Select(s => s with { Old = s.Old.Rid is null ? s.Old : s.Old with { Rid = worker }, New = s.New with { Rid = worker } })];

    [Fact]
    public void A_term_that_goes_back_or_has_two_holders()
    {
        var first = new LeaseRow("d", 5, At(3));
        Breaks("C9", Good with { Leases = [Lease(0, "d", 4, first)] });
        Breaks("C9", Good with { Leases = [Lease(0, "d", 5), Lease(1, "e", 5, first)] });
        Breaks("C9", Good with { Leases = [Lease(1, "e", 7, first)] });
        Breaks("C9", Good with { Leases = [Lease(0, "d", 2, first, "worker")] });
    }

    [Fact]
    public void Somebody_who_does_not_lead_any_more_and_acts_as_if()
    {
        Breaks("C10", With(Reserve, s => s with { Lease = s.Lease! with { IsLive = false } }));
        Breaks("C10", With(Reserve, s => s with { Lease = s.Lease! with { Process = 99 } }));
        Breaks("C10", With(Reserve, s => s with { Lease = null }));
        Breaks("C10", Of(Reserve, Start, TakeBack(9) with { Lease = new LeaseSeen(99, 2, true) }));
        var again = Step(9, "d~1", Completed, Free with { Rt = At(9) });
        Assert.DoesNotContain("C10 leader", AllChecks.Broken(Of(Reserve, Start, Complete, again)).Select(b => b.Check.Name));
        Breaks("C10", Of(Reserve, Start, Complete, again with { Lease = new LeaseSeen(99, 2, true) }));
        Breaks("C10", Of(again with { Old = Completed with { Ok = false, Err = "no" } }));
    }

    [Fact]
    public void A_start_without_a_session_or_by_somebody_else()
    {
        Breaks("C11", With(Start, s => s with { Worker = s.Worker! with { IsLive = false } }));
        Breaks("C11", With(Start, s => s with { Worker = s.Worker! with { Process = 99 } }));
        Breaks("C11", With(Start, s => s with { Worker = null }));
        Breaks("C11", With(Start, s => s with { Actor = "d~1" }));
    }

    [Fact]
    public void Something_taken_from_a_worker_that_lives()
    {
        var alive = new LeaseSeen(NodeProcess, 1, true, "ready");
        Breaks("C12", Of(Reserve, Start, TakeBack(9) with { Worker = alive }));
        Breaks("C12", Of(Reserve, Step(9, "d~1", Reserved, Free)));
        var late = TakeBack(9);
        Breaks("C12", Of(Reserve, Start, late with { Worker = alive, New = late.New with { Err = "deadline of 00:00:06 exceeded during attempt 1 of 3" } }));
        Breaks("C12", Of(Reserve, Start, TakeBack(9)) with { Outages = [new Outage(_ => true, At(4), At(8.5)) { IsOfAll = true }] });
    }

    [Fact]
    public void A_reservation_that_lay_too_long_may_be_taken_back_whatever_its_text_says()
    {
        var tried = Reserved with { N = 1, Ok = false, Err = "deadline of 00:00:06 exceeded during attempt 1 of 3" };
        var broken = AllChecks.Broken(Of(Step(90, "d~1", tried, tried with { Rid = null, Rt = null }))).Select(b => b.Check.Name.Split(' ')[0]);
        Assert.DoesNotContain("C12", broken);
        Assert.DoesNotContain("C2", broken);
    }

    [Fact]
    public void A_process_that_believes_something_else_than_the_audit()
    {
        ProcessFacts[] Says(Belief belief) => [.. Good.Processes.Select(p => p.Belief is null ? p : p with { Belief = belief })];
        Breaks("C13", Good with { Processes = Says(new Belief(2, 2, 0, 0, 0, 0, 0)) });
        Breaks("C13", Good with { Processes = Says(new Belief(1, 0, 1, 0, 0, 0, 0)) });
        Breaks("C13", Good with { Processes = Says(new Belief(1, 0, 0, 0, 0, 0, 1)) });
    }

    [Fact]
    public void A_lost_answer_that_costs_an_attempt()
    {
        Breaks("C14", Of(Reserve, Start, TakeBack(9) with { Actor = "a~1" }) with { Ledger = [] });
        var late = TakeBack(30);
        Breaks("C14", Of(Reserve, Start, late with { New = late.New with { Err = "deadline of 00:00:06 exceeded during attempt 1 of 3" } }) with { Ledger = [] });
    }

    [Fact]
    public void A_process_that_dies_by_itself_or_tells_of_an_error_that_it_did_not_expect()
    {
        Breaks("C15", Good with { Processes = [.. Good.Processes.Select(p => p with { ExitCode = 5 })] });
        Breaks("C15", Good with { Processes = [.. Good.Processes.Select(p => p with { ExitCode = 4 })] });
        Breaks("C15", Good with { Processes = [.. Good.Processes.Select(p => p with { Surfaced = ["Pampa[303]"] })] });
        History Ending(int code, double seconds = 90, bool wasStopped = false) => Good with
        {
            Processes = [.. Good.Processes.Select(p => p with { ExitCode = code, To = At(seconds), WasStopped = wasStopped })],
        };
        bool IsBroken(History history) => AllChecks.Broken(history).Any(b => b.Check.Name.StartsWith("C15", StringComparison.Ordinal));
        Assert.Equal((true, false), (IsBroken(Ending(0)), IsBroken(Ending(0, wasStopped: true))));
        Assert.Equal((true, false), (IsBroken(Ending(2)), IsBroken(Ending(2, seconds: 5))));
        var node = Ending(137) with { Processes = [.. Ending(137).Processes.Where(p => p.Id == NodeProcess)] };
        Assert.Equal((true, false), (IsBroken(node), IsBroken(node with { Rows = [new FinalRow(1, Kind.Poison, Completed, 1)] })));
    }

    [Fact]
    public void Something_of_a_former_life_that_is_taken_back_when_the_worker_is_ready()
    {
        static LeaseStep Registers(double seconds, long session)
        {
            var before = session == 1 ? null : new LeaseRow("a", session - 1, At(3));
            return Lease(seconds, "a", session, before, "worker") with { Name = "a.1" };
        }
        var late = TakeBack(9) with { Worker = new LeaseSeen(NodeProcess, 2, true, "ready"), Actor = "a~1" };
        var history = Of(Reserve, Start, late) with { Leases = [Registers(0, 1), Registers(5, 2)] };
        Breaks("C17", history);
        void Holds(History other) => Assert.DoesNotContain("C17 former life", AllChecks.Broken(other).Select(b => b.Check.Name));
        Holds(history with { Leases = [Registers(0, 1), Registers(1.5, 2)] });
        Holds(history with { Steps = [.. history.Steps.Select(s => s.Worker!.Number == 2 ? s with { Worker = s.Worker with { State = "recovering" } } : s)] });
        Holds(history with { Processes = [.. history.Processes.Select(p => p with { SaidNotRecovered = p.Member == "a" })] });
        Breaks("C17", history with { Processes = [.. history.Processes.Select(p => p with { SaidNotRecovered = p.Member == "d" })] });
        // Of another life of the same node.
        Breaks("C17", history with { Processes = [.. history.Processes, new ProcessFacts("a~0", 19, false, Begin, At(1)) { SaidNotRecovered = true }] });
        // Its clock was set back: what it was given looks older than it is.
        Holds(history with { Steps = [.. history.Steps.Select(s => s with { Worker = s.Worker! with { Number = 2 } })] });
    }

    [Fact]
    public void A_hook_whose_statement_is_missing_or_there_twice_or_of_another_outcome()
    {
        const long Id = 20_000_005;
        HookEvent[] all = [new("start", Id, 1, ""), new("end", Id, 1, "Again")];
        AuditStep[] steps = [.. new[] { Reserve, Start, Step(4, "a~1", Running, Again with { Rt = At(5) }) }.Select(s => s with { Id = Id })];
        var history = Of(steps) with { HookEvents = all };
        bool IsBroken(params HookEvent[] events) => Names(history with { HookEvents = events }).Contains("C18");
        Assert.False(IsBroken(all));
        Assert.True(IsBroken([all[0]]));
        Assert.True(IsBroken([all[1]]));
        Assert.True(IsBroken([.. all, all[1]]));
        Assert.True(IsBroken([all[0], all[1] with { Outcome = "Failed" }]));
        Assert.True(IsBroken([.. all, new("start", Id, 2, "")]));
    }

    [Fact]
    public void A_full_run_without_a_fenced_finish_or_beyond_its_bounds()
    {
        var run = new FullRun(10, LogBytes: 2 << 20, MemoryGrowth: 20 << 20);
        Breaks("C19", Good with { Full = run });
        Breaks("C20", Good with { Full = run with { LogBytes = 11 << 20 } });
        Breaks("C20", Good with { Full = run with { MemoryGrowth = 70 << 20 } });
        var late = Of(Reserve, Start, TakeBack(9)) with { Ledger = [Said(LedgerLine.Start, 2.1), Said(LedgerLine.End, 9.5)], Full = run };
        Assert.Empty(Names(late).Intersect(["C19", "C20"]));
    }

    [Fact]
    public void A_false_clock_excuses_what_was_changed_meanwhile_and_nothing_else()
    {
        var history = Good with { Ledger = [Said(LedgerLine.Start, 2.1), Said(LedgerLine.End, 9)] };
        bool IsBroken(params (long, long)[] clocks) => Names(history with { FalseClocks = clocks }).Contains("C7");
        Assert.True(IsBroken());
        Assert.True(IsBroken((0, 2), (3, 9)));
        Assert.False(IsBroken((2, 3)));
        var alive = Of(Reserve, Start, TakeBack(9) with { Worker = new LeaseSeen(NodeProcess, 1, true, "ready") });
        Breaks("C12", alive with { FalseClocks = [(0, 2)] });
        Assert.DoesNotContain("C12", Names(alive with { FalseClocks = [(2, 3)] }));
        var forgiven = Of(Reserve, Start, Step(9, "a~1", Running, Free with { Rt = At(10) })) with { Ledger = Good.Ledger };
        Breaks("C4", forgiven with { FalseClocks = [(0, 2)] });
        Assert.DoesNotContain("C4", Names(forgiven with { FalseClocks = [(2, 3)] }));
    }

    [Fact]
    public void What_a_fault_complains_of() => Breaks("C16", Good with { Complaints = ["a twin was let in"] });
}
