using Pampa.Storage;

namespace Pampa.Tests.Simulation;

/// <summary>T3, T4, T5, T10, T11: what a finish may make of an attempt, given what its handler did.</summary>
internal static class FinishRules
{
    public static void Check(Step step, LedgerAttempt attempt, Outcome outcome, SentRow row)
    {
        Entitled(step, attempt, outcome);
        var (before, after) = (step.Before, step.After);
        var written = attempt.Note ?? before.Note;
        var expected = outcome switch
        {
            Outcome.Completed => before with { Et = step.Now, Ok = true, Err = null, Note = written },
            Outcome.Again => before with { Rid = null, St = null, Ok = false, Err = row.Rest[5], Rt = after.Rt },
            Outcome.Failed => before with { Et = step.Now, Ok = false, Err = row.Rest[5] },
            Outcome.Forgiven => before with { Rid = null, St = null, Ok = null, N = before.N - 1, Rt = after.Rt },
            _ => before with { Rid = null, St = null, Ok = null, Err = null, N = before.N - 1, Rt = after.Rt, Note = written },
        };
        step.Require(after == expected, $"{outcome} changed more or less");
        if (after.Rid is null) step.Require(Rules.IsLater(step), $"{outcome}: due at a wrong time");
    }

    private static void Entitled(Step step, LedgerAttempt attempt, Outcome outcome)
    {
        var isOwn = attempt.Process == step.Process;
        var wasRefused = attempt.IsBad || attempt.MayBeRefused;
        switch (outcome)
        {
            case Outcome.Completed:
                step.Require(isOwn && attempt is { End: HandlerEnd.Completed, IsBad: false }, "T3: its handler has not completed it");
                break;
            case Outcome.Snoozed:
                step.Require(isOwn && attempt is { End: HandlerEnd.Snoozed, IsBad: false }, "T11: its handler has not put it off");
                break;
            case Outcome.Forgiven:
                step.Require(isOwn, "T10: somebody else's attempt was forgiven");
                step.Require(!attempt.IsCalled || attempt is { WasCancelled: true, End: HandlerEnd.Failed or HandlerEnd.Permanent },
                    "T10: an attempt that ran to its end was forgiven");
                break;
            case Outcome.Again:
                step.Require(step.Before.N < step.Job.MaxAttempts, "T4: no attempt is left");
                step.Require(!isOwn || attempt.End == HandlerEnd.Failed || wasRefused || IsLost(attempt), "T4: its handler has not failed");
                break;
            default:
                step.Require(!isOwn || attempt.End == HandlerEnd.Permanent || wasRefused || IsLost(attempt)
                    || (attempt.End == HandlerEnd.Failed && step.Before.N >= step.Job.MaxAttempts), "T5: its handler has not failed for good");
                break;
        }
    }

    // Emptied out of the worker, because its lease was lost: then its process does not know of it any more.
    private static bool IsLost(LedgerAttempt attempt) => attempt.Process.HasRejoined && !attempt.IsCalled;
}
