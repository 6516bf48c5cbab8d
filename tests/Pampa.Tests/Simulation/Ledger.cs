using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Simulation;

/// <summary>How a handler came to its end.</summary>
internal enum HandlerEnd
{
    Completed,
    Failed,
    Permanent,
    Snoozed,
}

/// <summary>A START that the table took: one attempt, its process, and what its handler did.</summary>
internal sealed class LedgerAttempt(SimulatedProcess process, int life, long generation)
{
    public SimulatedProcess Process => process;

    /// <summary>How often the record had been relaunched.</summary>
    public int Life => life;

    public long Generation => generation;

    public bool IsCalled { get; set; }

    public HandlerEnd? End { get; set; }

    /// <summary>What the handler has set; null where nothing.</summary>
    public string? Note { get; set; }

    /// <summary>Whether the handler's token was cancelled when it ended.</summary>
    public bool WasCancelled { get; set; }

    /// <summary>Whether a rule of the table may have refused what was made of it.</summary>
    public bool MayBeRefused { get; set; }

    public bool IsBad => Note?.StartsWith("bad", StringComparison.Ordinal) == true;
}

/// <summary>
/// Keeps what the tables were and compares: after each statement of a process that has taken effect, each change of a record must be one of
/// the protocol's transitions, with its conditions, by somebody entitled to it.
/// </summary>
internal sealed class Ledger(Plan plan, SimulatedDatabase db, Watchtower watchtower)
{
    private readonly Dictionary<string, List<Record>> states = plan.Jobs.ToDictionary(j => j.Name, db.Records);
    private readonly Dictionary<(string Job, Fence Fence), LedgerAttempt> attempts = [];
    private readonly HashSet<(string Job, long Key, int Life, int Number)> called = [];
    private readonly Dictionary<(string Job, long Key), int> lives = [];
    private readonly HashSet<(string Job, long Key)> completed = [];
    private readonly Dictionary<(string Job, long Key), SimulatedProcess> reservedBy = [];
    private readonly HashSet<(string Job, long Key, string? Rt)> displaced = [];

    public IReadOnlyList<Record> Of(JobPlan job) => states[job.Name];

    /// <summary>What has been held for so long that nothing of it may begin.</summary>
    public Holds Untouchable { get; set; } = Holds.None;

    /// <summary>Records that a rule of their table has refused for a while.</summary>
    public HashSet<(string Job, long Key)> Refused { get; } = [];

    /// <summary>Records that were locked or refused at some time: they may stay reserved while others go on.</summary>
    public HashSet<(string Job, long Key)> Obstructed { get; } = [];

    /// <summary>Transitions that were accepted, by process and kind.</summary>
    public Dictionary<(SimulatedProcess Process, string Job, string Outcome), int> Accepted { get; } = [];

    /// <summary>The program's own doing: what has changed is not asked for its reasons.</summary>
    public void Accept()
    {
        foreach (var job in plan.Jobs) states[job.Name] = db.Records(job);
    }

    /// <summary>A handler is called; the attempt must be this process's, and this must be the first call.</summary>
    public LedgerAttempt Call(JobPlan job, StartedTask task, SimulatedProcess process)
    {
        var fence = task.Fence;
        var key = long.Parse(fence.Key[0], CultureInfo.InvariantCulture);
        if (!attempts.TryGetValue((job.Name, fence), out var attempt) || attempt.Process != process)
            throw new BrokenRuleException($"{process} runs {job.Name} {fence}, which it has not started");
        if (attempt.IsCalled) throw new BrokenRuleException($"{process} runs {job.Name} {fence} twice");
        if (!called.Add((job.Name, key, attempt.Life, fence.Attempt)))
            throw new BrokenRuleException($"attempt {fence.Attempt} of {job.Name} {key} is called again, and nobody gave it back");
        if (attempt.Generation != task.Generation)
            throw new BrokenRuleException($"{process} runs {job.Name} {fence} as of generation {task.Generation}; it is of {attempt.Generation}");
        attempt.IsCalled = true;
        return attempt;
    }

    /// <summary>A handler has thrown for several, and this one is to be run again with some of them, or given back.</summary>
    public void CallAgain(JobPlan job, LedgerAttempt attempt, Fence fence)
    {
        attempt.IsCalled = false;
        called.Remove((job.Name, long.Parse(fence.Key[0], CultureInfo.InvariantCulture), attempt.Life, fence.Attempt));
    }

    /// <summary>Compares the tables with what they were before a statement.</summary>
    public void Observe(SimulatedProcess process, Sent sent)
    {
        foreach (var job in plan.Jobs)
        {
            var before = states[job.Name];
            var after = states[job.Name] = db.Records(job);
            if (after.Count != before.Count) throw new BrokenRuleException($"{sent} changed the number of records of {job.Name}");
            for (var i = 0; i < after.Count; i++)
            {
                var step = new Step(process, job, sent, before[i], after[i], sent.Now);
                if (before[i] != after[i]) Changed(step);
                else if (sent.Job == job) Unchanged(step);
            }
        }
    }

    // A node that has asked for the start of a former reservation of it, of which mail came late, has none in hand until it looks at all of them.
    private void Unchanged(Step step)
    {
        foreach (var row in step.Sent.Rows)
        {
            if (row.Key != step.Before.Key) continue;
            if (step.Sent.Kind == "START" && row.Rest[0] != step.Before.Rt) displaced.Add((step.Job.Name, row.Key, step.Before.Rt));
            if (step.Sent.Kind != "FINISH") continue;
            var isAllowed = row.Rest[2] != nameof(Outcome.Again) || step.Before.N < step.Job.MaxAttempts;
            if (Rules.Matches(row, step.Before) && isAllowed) throw step.Broken("a finish whose fence matches changed nothing");
        }
    }

    private void Changed(Step step)
    {
        if (step.Sent.Job != step.Job) throw step.Broken("a statement of another job changed it");
        if (step.Before.Et is not null && step.Sent.Kind is not ("RELAUNCH" or "REPEAT")) throw step.Broken("an ended record changed");
        if (step.After.N < 0 || step.After.N > step.Job.MaxAttempts) throw step.Broken("the number of attempts is out of range");
        watchtower.CheckAuthority(step, attempts.TryGetValue((step.Job.Name, step.FenceBefore), out var attempt) && attempt.Process == step.Process);
        switch (step.Sent.Kind)
        {
            case "RESERVE": Reserve(step); break;
            case "RESERVE AND START" when step.After.St is null: Reserve(step); break;
            case "RESERVE AND START": ReserveAndStart(step); break;
            case "RELEASE": Rules.Release(step); break;
            case "RECLAIM" or "RECOVER": Rules.TakeBack(step); break;
            case "EXHAUST": Rules.Exhaust(step); break;
            case "START": Start(step); break;
            case "FINISH": Finish(step); break;
            case "RELAUNCH": Relaunch(step); break;
            case "REPEAT": Repeat(step); break;
            default: throw step.Broken("no transition does that");
        }
        if (step.After.Et is not null && step.After.Ok == true && !completed.Add((step.Job.Name, step.After.Key))) throw step.Broken("completed twice");
    }

    private void Reserve(Step step)
    {
        Rules.Reserve(step);
        reservedBy[(step.Job.Name, step.Before.Key)] = step.Process;
        // A worker that has left is sent to until the leader looks at the workers again; then all of it is taken back.
        if (db.Lives().Find(l => l.Worker == step.After.Rid) is not { State: "ready" }) return;
        // Those whose START meets a lock, or that the node is just starting or taking up again, are in nobody's hand.
        if (Obstructed.Count > 0 || step.Process.Loops.Any(l => l is { IsNode: true, IsUnderWay: true })) return;
        var inHand = Of(step.Job).Count(r => r.IsReserved && r.Rid == step.After.Rid
            && reservedBy.GetValueOrDefault((step.Job.Name, r.Key)) == step.Process && !displaced.Contains((step.Job.Name, r.Key, r.Rt)));
        // A node elsewhere has told what is left in its hands, and may be starting the rest.
        var isOwn = step.Process.Membership.Workers.Any(w => w.Worker == step.After.Rid);
        step.Require(inHand <= (isOwn ? 1 : 2) * step.Job.MaxQueueSize, "T1: too many for one worker");
    }

    // Two transitions with one write: of what was never tried, and only for a worker that was named with its session.
    private void ReserveAndStart(Step step)
    {
        var reserved = step.Before with { Rid = step.After.Rid, Rt = step.Now, St = null, Ok = null };
        Reserve(step with { After = reserved });
        step.Require(step.Before.N == 0, "T2: it was tried before and is started with its reservation");
        step.Require(step.Job is { MaxAttempts: > 1, BatchSize: 0 }, "T2: a job of one attempt or of batches starts with the reservation");
        step.Require(step.Sent.Rows.Any(r => r.Key == step.Before.Key && r.Rest[0] is not null), "T2: it was only to be reserved");
        step.Require(step.After == reserved with { St = step.Now, N = 1 }, "T1, T2: it changed more or less");
        Begin(step);
    }

    // A new life of the record: all its attempts lie before it again.
    private void Relaunch(Step step)
    {
        Rules.Relaunch(step, step.Sent.Rows.SingleOrDefault(r => r.Key == step.Before.Key));
        Revive(step);
    }

    // The leader finds what is due by itself; only where a rule of the table is in the way it names the records.
    private void Repeat(Step step)
    {
        Rules.Repeat(step);
        step.Require(!Untouchable.IsJobHeld(step.Job.Name), "T8: its job has been held for long");
        if (step.Sent.Rows.Count > 0) Rules.Relaunch(step, step.Sent.Rows.SingleOrDefault(r => r.Key == step.Before.Key));
        Revive(step);
    }

    private void Revive(Step step)
    {
        lives[(step.Job.Name, step.Before.Key)] = LifeOf(step) + 1;
        completed.Remove((step.Job.Name, step.Before.Key));
    }

    private int LifeOf(Step step) => lives.GetValueOrDefault((step.Job.Name, step.Before.Key));

    private void Start(Step step)
    {
        Rules.Start(step);
        Begin(step);
    }

    private void Begin(Step step)
    {
        step.Require(!KnownHolds.Forbid(Untouchable, step.Job.Name, step.After.Rid!), "T2: it has been held for long");
        if (!attempts.TryAdd((step.Job.Name, step.FenceAfter), new LedgerAttempt(step.Process, LifeOf(step), step.After.Generation))) throw step.Broken("the same attempt was started twice");
    }

    private void Finish(Step step)
    {
        if (!step.Before.IsRunning || !attempts.TryGetValue((step.Job.Name, step.FenceBefore), out var attempt)) throw step.Broken("it was not running");
        var named = step.Sent.Rows.Where(r => r.Key == step.Before.Key).ToList();
        if (named.Count != 1) throw step.Broken("one statement tells of it twice, or not at all");
        var row = named[0];
        if (!Rules.Matches(row, step.Before)) throw step.Broken("a stale finish changed it");
        var outcome = Enum.Parse<Outcome>(row.Rest[2]!);
        attempt.MayBeRefused |= Refused.Contains((step.Job.Name, step.Before.Key));
        FinishRules.Check(step, attempt, outcome, row);
        if (outcome is Outcome.Forgiven or Outcome.Snoozed) called.Remove((step.Job.Name, step.Before.Key, attempt.Life, step.Before.N));
        var tally = (step.Process, step.Job.Name, outcome.ToString());
        Accepted[tally] = Accepted.GetValueOrDefault(tally) + 1;
    }
}
