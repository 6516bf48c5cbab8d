namespace Pampa.Chaos.Checks;

/// <summary>Something that must hold of every history.</summary>
/// <param name="Name">A few letters, by which it is told.</param>
/// <param name="Rule">What must hold.</param>
/// <param name="Find">What breaks it.</param>
internal sealed record Check(string Name, string Rule, Func<Evidence, IEnumerable<string>> Find);

/// <summary>The history and what follows from it, found once for all checks.</summary>
internal sealed class Evidence
{
    public Evidence(History history)
    {
        History = history;
        Judged = [.. history.Steps.Select(s => Transition.Of(s, history.MaxAttempts, history.LeastMaxAttempts))];
        Starts = Judged.Where(j => j.Move == Move.Start).ToLookup(j => j.Attempt);
        Ledger = history.Ledger.ToLookup(l => (l.Line.Id, l.Line.Life, (long)l.Line.Attempt));
    }

    public History History { get; }

    public IReadOnlyList<Judged> Judged { get; }

    public ILookup<(long Id, long Life, long N), Judged> Starts { get; }

    public ILookup<(long Id, long Life, long N), (Work.LedgerLine Line, DateTime At)> Ledger { get; }

    public IEnumerable<Judged> Of(params Move[] moves) => Judged.Where(j => moves.Contains(j.Move));

    /// <summary>Whether a process could not reach the database for a while within this time.</summary>
    public bool WasCutOff(string application, DateTime from, DateTime to) =>
        History.Outages.Any(o => o.Applies(application) && o.From <= to && o.To >= from);
}

/// <summary>All checks. None asks the product anything.</summary>
internal static class AllChecks
{
    public static IReadOnlyList<Check> List { get; } =
    [
        new("C1 chain", "Each change of a record begins with what the last one left.", RecordChecks.Chain),
        new("C2 transition", "Each change is one of T1 to T11, with its guard true on the old record.", RecordChecks.Transitions),
        new("C3 started once", "Each attempt starts once, in the table and in the ledger.", RecordChecks.StartedOnce),
        new("C4 one outcome", "Each attempt has one outcome, and only one that was started.", RecordChecks.OneOutcome),
        new("C5 attempts", "The number of attempts never exceeds the limit.", RecordChecks.Attempts),
        new("C6 ended", "No task is lost, and each ends within the bound.", RecordChecks.Ended),
        new("C7 ledger", "What is completed or failed was executed to its end, by the worker that it was settled for.", e => RecordChecks.Executed(e).Concat(RecordChecks.Failed(e))),
        new("C8 effects", "What a handler set on its record is written with its completion, once, and at no other time.", RecordChecks.Effects),
        new("C9 terms", "Terms and sessions only grow, and each has one holder.", LeaseChecks.Terms),
        new("C10 leader", "Only the leader, whose term stands, reserves, takes back from others, finalises, and runs again.", e => LeaseChecks.Leader(e).Concat(LeaseChecks.Relaunches(e))),
        new("C11 session", "Only the process that has the worker's id now starts its records, while its lease stands.", LeaseChecks.Session),
        new("C12 owner", "What a worker holds is taken back only when it is dead, late, or does it itself.", LeaseChecks.Owner),
        new("C13 belief", "What a process believes to be accepted is in the audit, and the other way round.", ProcessChecks.Belief),
        new("C14 lost answers", "No attempt is charged to a process that lived on, only because an answer was lost.", LeaseChecks.LostAnswers),
        new("C15 processes", "Processes end only as they are told, or by their tasks; no injected error comes to the surface.", ProcessChecks.Ends),
        new("C16 faults", "Each fault found what it expected.", ProcessChecks.Complaints),
        new("C17 former life", "What a former life of a worker held is taken back before the worker is ready.", LeaseChecks.FormerLife),
        new("C18 hooks", "The statements of hooks are committed with the starts and the outcomes that they are for, once each.", RunChecks.Hooks),
        new("C19 fenced", "In a run of all faults, of five minutes or more, in which a node was frozen, finishes came too late and were refused.", RunChecks.Fenced),
        new("C20 bounds", "In such a run neither the memory of a process nor what all of them say grows beyond a bound.", RunChecks.Bounds),
    ];

    /// <summary>Which checks are broken, and where.</summary>
    public static IReadOnlyList<(Check Check, IReadOnlyList<string> Where)> Broken(History history)
    {
        var evidence = new Evidence(history);
        return [.. List.Select(c => (c, (IReadOnlyList<string>)[.. c.Find(evidence)])).Where(b => b.Item2.Count > 0)];
    }
}
