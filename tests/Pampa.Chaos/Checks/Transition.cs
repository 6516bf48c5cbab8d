namespace Pampa.Chaos.Checks;

/// <summary>The transitions of the protocol.</summary>
internal enum Move
{
    /// <summary>No transition does that.</summary>
    None,
    Reserve,
    Start,
    Complete,
    Again,
    Fail,
    Release,
    TakeBack,
    Relaunch,
    Exhaust,
    Forgive,
    Snooze,
}

/// <summary>A step, what it is, and what is wrong with it.</summary>
internal sealed record Judged(AuditStep Step, Move Move, string? Broken)
{
    /// <summary>An attempt ends with it.</summary>
    public bool IsOutcome => Move is Move.Complete or Move.Again or Move.Fail or Move.TakeBack or Move.Forgive or Move.Snooze;

    /// <summary>The attempt: never the same twice.</summary>
    public (long Id, long Life, long N) Attempt => (Step.Id, Step.Life, Move == Move.Start ? Step.New.N : Step.Old.N);
}

/// <summary>Reads a step: which transition it must be, and whether all that the protocol asks of one holds.</summary>
internal static class Transition
{
    public static Judged Of(AuditStep step, int max, int leastMax)
    {
        var (before, after) = (step.Old, step.New);
        if (before.Et is not null) return Relaunch(step);
        if (before.Rid is null) return after.Rid is null ? Exhaust(step, leastMax) : after.St is null ? Reserve(step, max) : StartAtOnce(step, max);
        if (before.St is null) return after.Rid is not null ? Start(step, max) : Release(step);
        return after.Et is not null ? End(step, leastMax) : Back(step, max);
    }

    private static Judged Is(AuditStep step, Move move, params ReadOnlySpan<(bool Holds, string Rule)> rules)
    {
        foreach (var (holds, rule) in rules)
        {
            if (!holds) return new Judged(step, move, rule);
        }
        return new Judged(step, move, null);
    }

    private static Judged Reserve(AuditStep step, int max)
    {
        var (before, after) = (step.Old, step.New);
        return Is(step, Move.Reserve,
            (before.N < max, "T1: no attempt was left"),
            (before.Rt is null || before.Rt <= step.Tx, "T1: it was not due"),
            (after == before with { Rid = after.Rid, Rt = step.Tx, St = null, Ok = null }, "T1: it changed more or less"));
    }

    // T1 and T2 with one write: of what was never tried.
    private static Judged StartAtOnce(AuditStep step, int max)
    {
        var (before, after) = (step.Old, step.New);
        return Is(step, Move.Start,
            (before.N == 0 && max > 1, "T1, T2: it was tried before, or has one attempt"),
            (before.Rt is null || before.Rt <= step.Tx, "T1, T2: it was not due"),
            (after == before with { Rid = after.Rid, Rt = step.Tx, St = after.St, N = 1, Ok = null }, "T1, T2: it changed more or less"));
    }

    private static Judged Start(AuditStep step, int max)
    {
        var (before, after) = (step.Old, step.New);
        return Is(step, Move.Start,
            (before.N < max, "T2: no attempt was left"),
            (after.St is not null && after == before with { St = after.St, N = before.N + 1 }, "T2: it changed more or less, or another worker's"));
    }

    private static Judged Release(AuditStep step) => Is(step, Move.Release,
        (step.New == step.Old with { Rid = null, Rt = null }, "T6: it changed more or less"));

    private static Judged Relaunch(AuditStep step) => Is(step, Move.Relaunch,
        (step.New == RowState.New(step.Tx), "T8: an ended record changed, and not to a new one"));

    private static Judged Exhaust(AuditStep step, int leastMax) => Is(step, Move.Exhaust,
        (step.New.Et is not null, "a record that nobody held changed, and it was not reserved"),
        (step.Old.N >= leastMax, "T9: it had attempts left"),
        (step.New == step.Old with { Et = step.New.Et, Ok = false }, "T9: it changed more or less"));

    private static Judged End(AuditStep step, int leastMax)
    {
        var (before, after) = (step.Old, step.New);
        if (after.Ok == true)
            return Is(step, Move.Complete, (after == before with { Et = after.Et, Ok = true, Err = null }, "T3: it changed more or less, or another attempt's"));
        var isTaken = IsTakenBack(after.Err, before);
        return Is(step, isTaken ? Move.TakeBack : Move.Fail,
            (after == before with { Et = after.Et, Ok = false, Err = after.Err }, "T5, T7: it changed more or less, or another attempt's"),
            (!isTaken || before.N >= leastMax, "T7: it had attempts left"));
    }

    private static Judged Back(AuditStep step, int max)
    {
        var (before, after) = (step.Old, step.New);
        if (after.N == before.N - 1)
        {
            // Without an error before, only what the handler has set tells them apart: T11 writes it.
            var isForgiven = after.Err == before.Err && step.NewTotal == step.OldTotal;
            return Is(step, isForgiven ? Move.Forgive : Move.Snooze,
                (after == before with { Rid = null, St = null, Ok = null, N = before.N - 1, Rt = after.Rt, Err = isForgiven ? before.Err : null }, "T10, T11: it changed more or less"));
        }
        return Is(step, IsTakenBack(after.Err, before) ? Move.TakeBack : Move.Again,
            (after == before with { Rid = null, St = null, Ok = false, Err = after.Err, Rt = after.Rt }, "T4, T7: it changed more or less, or another attempt's"),
            (after.Err is not null, "T4, T7: it does not say why"),
            (after.Rt >= step.Tx, "T4, T7: due before now"),
            (before.N < max, "T4, T7: no attempt was left"));
    }

    /// <summary>Whether somebody else than the attempt's own process says how it ended.</summary>
    private static bool IsTakenBack(string? error, RowState before) => error is not null
        && (error.StartsWith($"worker {before.Rid} lost during attempt ", StringComparison.Ordinal) || IsOverdue(error));

    public static bool IsOverdue(string? error) => error is not null
        && error.StartsWith("deadline of ", StringComparison.Ordinal) && error.Contains(" exceeded during attempt ", StringComparison.Ordinal);
}
