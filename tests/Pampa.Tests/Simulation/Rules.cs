namespace Pampa.Tests.Simulation;

/// <summary>The transitions of a record but those of FINISH: from what to what (PROTOCOL §2).</summary>
internal static class Rules
{
    /// <summary>Whether a row of FINISH names the attempt that runs: worker, number, start.</summary>
    public static bool Matches(SentRow row, Record record) => record.IsRunning && row.Worker == record.Rid
        && row.Rest[0] == record.N.ToString(System.Globalization.CultureInfo.InvariantCulture) && row.Rest[1] == record.St;

    private static bool IsNamed(Step step, params ReadOnlySpan<string?> rest)
    {
        foreach (var row in step.Sent.Rows)
        {
            if (row.Key == step.Before.Key && row.Worker == (step.Before.Rid ?? step.After.Rid)
                && rest.SequenceEqual(row.Rest.AsSpan(0, rest.Length))) return true;
        }
        return false;
    }

    public static void Reserve(Step step)
    {
        var (before, after) = (step.Before, step.After);
        step.Require(before is { Rid: null, Et: null } && before.N < step.Job.MaxAttempts, "T1: it was not free");
        step.Require(before.Rt is null || string.CompareOrdinal(before.Rt, step.Now) <= 0, "T1: it was not due");
        step.Require(!step.Job.IsPicky || before.IsActive, "T1: it is no task of the job");
        step.Require(after == before with { Rid = after.Rid, Rt = step.Now, St = null, Ok = null }, "T1: it changed more or less");
        step.Require(IsNamed(step), "T1: for another worker than asked");
    }

    public static void Start(Step step)
    {
        var (before, after) = (step.Before, step.After);
        step.Require(before.IsReserved && before.N < step.Job.MaxAttempts, "T2: it was not reserved");
        step.Require(!step.Job.IsPicky || before.IsActive, "T2: it is no task of the job any more");
        step.Require(after == before with { St = step.Now, N = before.N + 1 }, "T2: it changed more or less");
        step.Require(IsNamed(step, before.Rt, before.N.ToString(System.Globalization.CultureInfo.InvariantCulture)), "T2: another reservation than asked");
    }

    public static void Release(Step step)
    {
        step.Require(step.Before.IsReserved, "T6: it was not reserved");
        step.Require(step.After == step.Before with { Rid = null, Rt = null }, "T6: it changed more or less");
        step.Require(IsNamed(step, step.Before.Rt), "T6: another reservation than asked");
    }

    public static void TakeBack(Step step)
    {
        var (before, after) = (step.Before, step.After);
        step.Require(before.Rid is not null, "T7: nobody held it");
        if (before.IsReserved)
        {
            step.Require(after == before with { Rid = null, Rt = null }, "T6: it changed more or less");
            return;
        }
        step.Require(after.Err?.Contains($"during attempt {before.N} of {step.Job.MaxAttempts}", StringComparison.Ordinal) == true, "T7: its text does not tell");
        if (before.N >= step.Job.MaxAttempts) step.Require(after == before with { Et = step.Now, Ok = false, Err = after.Err }, "T7: it must fail for good");
        else step.Require(after == before with { Rid = null, St = null, Rt = after.Rt, Ok = false, Err = after.Err } && IsLater(step), "T7: it must be tried again");
    }

    public static void Exhaust(Step step)
    {
        step.Require(step.Before.Rid is null && step.Before.N >= step.Job.MaxAttempts, "T9: it has attempts left");
        step.Require(step.After == step.Before with { Et = step.Now, Ok = false }, "T9: it changed more or less");
    }

    /// <summary>T8: <paramref name="sent"/> says how the record was seen to have ended.</summary>
    public static void Relaunch(Step step, SentRow? sent)
    {
        var before = step.Before;
        step.Require(sent is not null && before.Et == sent.Worker, "T8: it had not ended, or not as it was seen");
        step.Require(sent!.Rest[0] == (before.Ok == true ? "Completed" : "Failed"), "T8: it had ended otherwise than it was seen");
        BeginsAnew(step);
    }

    /// <summary>T8 by the leader, because its time has come.</summary>
    public static void Repeat(Step step)
    {
        var before = step.Before;
        step.Require(before.Et is not null && step.Job.Repeats(before.Ok), "T8: it does not run again by itself");
        step.Require(SimulatedDatabase.Moment(step.Now) - SimulatedDatabase.Moment(before.Et!) >= step.Job.RelaunchAfter, "T8: its time has not come");
        step.Require(!step.Job.IsPicky || before.IsActive, "T8: it is no task of the job any more");
        BeginsAnew(step);
    }

    private static void BeginsAnew(Step step)
    {
        var (before, after) = (step.Before, step.After);
        var generation = before.Generation + (before.Ok == true ? 1 : 0);
        step.Require(after == before with { Rid = null, St = null, Et = null, Ok = null, Err = null, N = 0, Rt = step.Now, Generation = generation },
            "T8: it changed more or less");
    }

    /// <summary>Due now or later, and not in years.</summary>
    public static bool IsLater(Step step) => step.After.Rt is { } due && string.CompareOrdinal(due, step.Now) >= 0
        && SimulatedDatabase.Moment(due) - SimulatedDatabase.Moment(step.Now) < TimeSpan.FromMinutes(1);
}
