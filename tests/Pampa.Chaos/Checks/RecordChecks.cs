using System.Globalization;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Checks;

/// <summary>What must hold of the records.</summary>
internal static class RecordChecks
{
    // The ledger's clock is the computer's monotonic one; what is compared with the database's has this much room.
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(1);

    public static IEnumerable<string> Chain(Evidence evidence)
    {
        var last = new Dictionary<long, AuditStep>();
        foreach (var step in evidence.History.Steps)
        {
            if (last.TryGetValue(step.Id, out var before))
            {
                if (before.New != step.Old || before.NewTotal != step.OldTotal || before.NewResult != step.OldResult) yield return $"{before}\n      then {step}";
            }
            else if (step.Old != RowState.New(step.Old.Rt))
            {
                yield return $"it does not begin as it was inserted: {step}";
            }
            last[step.Id] = step;
        }
        foreach (var row in evidence.History.Rows.Where(r => last.TryGetValue(r.Id, out var l) && l.New != r.State))
            yield return $"task {row.Id} is {row.State}, but its last change was {last[row.Id]}";
    }

    public static IEnumerable<string> Transitions(Evidence evidence) =>
        evidence.Judged.Where(j => j.Broken is not null).Select(j => $"{j.Broken}: {j.Step}");

    public static IEnumerable<string> StartedOnce(Evidence evidence)
    {
        foreach (var same in evidence.Starts.Where(s => s.Count() > 1)) yield return $"{same.Key} starts {same.Count()} times in the table: {same.Last().Step}";
        foreach (var same in evidence.Ledger)
        {
            var starts = same.Where(l => l.Line.Word == LedgerLine.Start).ToList();
            if (starts.Count > 1) yield return $"{same.Key} is executed {starts.Count} times: {string.Join("; ", starts.Select(s => s.Line))}";
            var start = starts.Count > 0 ? starts[0].Line : null;
            if (start is not null && !evidence.Starts[same.Key].Any(s => s.Step.Rid == start.Worker)) yield return $"it is executed and was never started: {start}";
        }
    }

    public static IEnumerable<string> OneOutcome(Evidence evidence)
    {
        foreach (var same in evidence.Judged.Where(j => j.IsOutcome).GroupBy(j => j.Attempt))
        {
            if (same.Count() > 1) yield return $"{same.Key} has {same.Count()} outcomes: {string.Join("; ", same.Select(j => j.Step))}";
            if (!evidence.Starts[same.Key].Any()) yield return $"{same.Key} ends and was never started: {same.First().Step}";
        }
        var kinds = evidence.History.Rows.ToDictionary(r => r.Id, r => r.Kind);
        foreach (var judged in evidence.Of(Move.Snooze, Move.Forgive))
        {
            var wasDone = evidence.Ledger[judged.Attempt].Any(l => l.Line.Word == LedgerLine.End && l.At < judged.Step.At - ClockSlack);
            if (judged.Move == Move.Snooze && kinds.GetValueOrDefault(judged.Step.Id) != Kind.Snooze) yield return $"it was put off, and had not asked for it: {judged.Step}";
            var runner = evidence.Ledger[judged.Attempt].Select(l => (int?)l.Line.Process).FirstOrDefault();
            if (judged.Move == Move.Forgive && runner is not null && judged.Step.Worker is { Process: { } owner } && owner != runner)
                yield return $"process {runner} executed it, and {owner} has forgiven it: {judged.Step}";
            if (judged.Move == Move.Forgive && wasDone && !evidence.History.MayBeFalse(judged.Step)) yield return $"it ran to its end and was forgiven: {judged.Step}";
        }
    }

    public static IEnumerable<string> Attempts(Evidence evidence) =>
        from step in evidence.History.Steps
        where step.New.N > evidence.History.MaxAttempts || step.New.N < 0
        select $"attempt {step.New.N} of {evidence.History.MaxAttempts}: {step}";

    public static IEnumerable<string> Ended(Evidence evidence)
    {
        var rows = evidence.History.Rows.ToDictionary(r => r.Id);
        foreach (var id in evidence.History.Inserted.Where(id => !rows.ContainsKey(id))) yield return $"task {id} was inserted and is gone";
        foreach (var row in evidence.History.Rows)
        {
            if (WaitsForItsTime(evidence.History, row)) continue;
            if (row.State.Et is null) yield return $"{row.Kind} task {row.Id} has not ended: {row.State}";
            else if (WrongEnd(row) is { } wrong) yield return $"{row.Kind} task {row.Id} {wrong}: {row.State}";
        }
    }

    /// <summary>Where the database's clock was ahead for a while, what was put off then waits until it is really that late.</summary>
    public static bool WaitsForItsTime(History history, FinalRow row) => history.HasFalseClocks
        && (row.State.Et is null ? row.State.Rid is null : row.Kind == Kind.Recurring) && (row.State.Et ?? row.State.Rt) > history.ReadAt;

    // Any may have failed for good by deaths; but none may have ended better than its code lets it.
    private static string? WrongEnd(FinalRow row) => row switch
    {
        { Kind: Kind.FailsAlways or Kind.Permanent or Kind.Poison, State.Ok: true } => "cannot have completed",
        { Kind: Kind.Recurring, State.Ok: true, Total: not Limits.Rounds } => $"completed {row.Total} times, and not {Limits.Rounds}",
        { State: { Ok: false, Err: null } } => "failed and does not say why",
        { State: { Ok: true, N: < 1 } } => "completed without an attempt",
        { Kind: Kind.Quick or Kind.Scheduled or Kind.Recurring, State: { Ok: false, Err: var error } } when !error!.Contains(" during attempt ", StringComparison.Ordinal) =>
            "failed although nothing took it away",
        _ => null,
    };

    public static IEnumerable<string> Executed(Evidence evidence)
    {
        foreach (var end in evidence.Of(Move.Complete))
        {
            var lines = evidence.Ledger[end.Attempt].Where(l => l.Line.Worker == end.Step.Rid).ToList();
            if (!lines.Exists(l => l.Line.Word == LedgerLine.Start)) yield return $"completed and never executed: {end.Step}";
            else if (!lines.Exists(l => l.Line.IsEnd && (evidence.History.MayBeFalse(end.Step) || l.At <= end.Step.At + ClockSlack)))
                yield return $"completed before its handler had ended: {end.Step}";
        }
    }

    /// <summary>A failure is one of the handler, or of what the table refuses; never one of another attempt.</summary>
    public static IEnumerable<string> Failed(Evidence evidence)
    {
        var kinds = evidence.History.Rows.ToDictionary(r => r.Id, r => r.Kind);
        foreach (var failed in evidence.Of(Move.Again, Move.Fail))
        {
            var lines = evidence.Ledger[failed.Attempt].Where(l => l.Line.Worker == failed.Step.Rid).ToList();
            var end = lines.FindLast(l => l.Line.Word is not (LedgerLine.Start or LedgerLine.Again));
            if (end.Line is null || (end.At > failed.Step.At + ClockSlack && !evidence.History.MayBeFalse(failed.Step)))
                yield return $"failed, and its handler had not come to an end: {failed.Step}";
            else if (end.Line.Word != LedgerLine.Thrown && kinds.GetValueOrDefault(failed.Step.Id) != Kind.Refused && end.At - lines[0].At < Limits.MaxDuration)
                yield return $"failed, and its handler had completed it in time: {failed.Step}";
        }
    }

    public static IEnumerable<string> Effects(Evidence evidence)
    {
        foreach (var judged in evidence.Judged)
        {
            var step = judged.Step;
            var writes = judged.Move is Move.Complete or Move.Snooze;
            var result = writes ? string.Create(CultureInfo.InvariantCulture, $"{step.Life}/{step.Old.N}") : step.OldResult;
            if (step.NewResult != result || step.NewTotal != step.OldTotal + (writes ? 1 : 0))
                yield return $"result {step.OldResult} -> {step.NewResult}, total {step.OldTotal} -> {step.NewTotal}, expected {result}: {step}";
        }
        var completed = evidence.Of(Move.Complete, Move.Snooze).ToLookup(j => j.Step.Id);
        foreach (var row in evidence.History.Rows.Where(r => r.Total != completed[r.Id].Count()))
            yield return $"task {row.Id} has {row.Total} effects, and was completed {completed[row.Id].Count()} times";
        var written = evidence.History.Effects.ToHashSet();
        var kinds = evidence.History.Rows.Where(r => r.Kind == Kind.Effect).Select(r => r.Id).ToHashSet();
        foreach (var end in evidence.Of(Move.Complete).Where(j => kinds.Contains(j.Step.Id) && !written.Contains(j.Attempt)))
            yield return $"completed without what it wrote outside: {end.Step}";
        foreach (var broken in Transactional(evidence)) yield return broken;
        foreach (var effect in evidence.History.Effects.Where(e => !evidence.Starts[(e.Id, e.Life, e.Attempt)].Any()))
            yield return $"an effect of an attempt that was never started: {effect}";
    }

    /// <summary>What is written in the transaction of a completion is there once for each, and for nothing else.</summary>
    private static IEnumerable<string> Transactional(Evidence evidence)
    {
        var written = evidence.History.Journal.ToLookup(a => a);
        var completed = evidence.Of(Move.Complete).ToLookup(j => j.Attempt);
        foreach (var end in completed.SelectMany(j => j).Where(j => Shape.IsTransactional(j.Step.Id, j.Step.Old.Rid) && written[j.Attempt].Count() != 1))
            yield return $"completed with {written[end.Attempt].Count()} effects in its transaction: {end.Step}";
        foreach (var effect in written.Where(w => !completed[w.Key].Any())) yield return $"an effect of a transaction whose completion is not there: {effect.Key}";
    }
}
