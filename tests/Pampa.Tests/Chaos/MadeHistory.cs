using Pampa.Chaos.Checks;
using Pampa.Chaos.Work;

namespace Pampa.Tests.Chaos;

/// <summary>A history made by hand, in which everything is right: one task that is reserved, started and completed. Tests spoil one thing of it.</summary>
internal static class MadeHistory
{
    public static readonly DateTime Begin = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    public const int LeaderProcess = 10;
    public const int NodeProcess = 20;

    public static DateTime At(double seconds) => Begin.AddSeconds(seconds);

    public static RowState Free { get; } = RowState.New();

    public static RowState Reserved { get; } = Free with { Rid = "a.1", Rt = At(1) };

    public static RowState Running { get; } = Reserved with { St = At(2), N = 1 };

    public static RowState Completed { get; } = Running with { Et = At(3), Ok = true };

    public static RowState Again { get; } = Free with { Rt = At(4), N = 1, Ok = false, Err = "no" };

    public static AuditStep Step(double seconds, string actor, RowState before, RowState after) => new(0, At(seconds), At(seconds), actor, 1, 0, before, after)
    {
        Worker = new LeaseSeen(NodeProcess, 1, true, "ready"),
        Lease = new LeaseSeen(LeaderProcess, 1, true),
    };

    public static AuditStep Reserve { get; } = Step(1, "d~1", Free, Reserved);

    public static AuditStep Start { get; } = Step(2, "a~1", Reserved, Running);

    public static AuditStep Complete { get; } = Step(3, "a~1", Running, Completed) with { NewResult = "0/1", NewTotal = 1 };

    /// <summary>The leader takes the attempt away from a worker whose lease is over.</summary>
    public static AuditStep TakeBack(double seconds) =>
        Step(seconds, "d~1", Running, Free with { Rt = At(seconds + 1), N = 1, Ok = false, Err = "worker a.1 lost during attempt 1 of 3" }) with
        {
            Worker = new LeaseSeen(NodeProcess, 1, false, "ready"),
        };

    public static (LedgerLine Line, DateTime At) Said(string word, double seconds, string worker = "a.1", int attempt = 1) =>
        (new LedgerLine(word, 1, 0, attempt, worker, 0, NodeProcess), At(seconds));

    public static LeaseStep Lease(double seconds, string holder, long term, LeaseRow? old = null, string kind = "lease") =>
        new(At(seconds), At(seconds), kind, "cluster", old, new LeaseRow(holder, term, At(seconds + 3)));

    public static History Good { get; } = Of(Reserve, Start, Complete) with
    {
        Ledger = [Said(LedgerLine.Start, 2.1), Said(LedgerLine.End, 2.9)],
        Leases = [Lease(0, "d", 1)],
        Rows = [new FinalRow(1, Kind.Quick, Completed, 1)],
        Inserted = [1],
    };

    public static History Of(params AuditStep[] steps) => new()
    {
        Steps = [.. steps.Select((s, i) => s with { Seq = i + 1 })],
        Ledger = [Said(LedgerLine.Start, 2.1)],
        Processes =
        [
            new ProcessFacts("d~1", LeaderProcess, false, Begin, null),
            new ProcessFacts("a~1", NodeProcess, false, Begin, null) { Belief = new Belief(1, 1, 0, 0, 0, 0, 0) },
        ],
    };

    /// <summary>The same with one step of it replaced.</summary>
    public static History With(AuditStep step, Func<AuditStep, AuditStep> change) =>
        Good with { Steps = [.. Good.Steps.Select(s => s.Old == step.Old && s.New == step.New ? change(s) : s)] };
}
