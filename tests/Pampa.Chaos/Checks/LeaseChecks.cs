using Pampa.Chaos.Work;

namespace Pampa.Chaos.Checks;

/// <summary>What must hold of leases, and of those who act by them.</summary>
internal static class LeaseChecks
{
    // When somebody first saw a lease, and when the change is written: what lies between them.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(300);

    // A process that a task has killed is seen to be dead by the cluster at once, and a little later here.
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(0.7);

    public static IEnumerable<string> Terms(Evidence evidence)
    {
        var holders = new Dictionary<(string Kind, string Name, long Term), string>();
        foreach (var step in evidence.History.Leases)
        {
            var key = (step.Kind, step.Name, step.New.Term);
            if (holders.TryGetValue(key, out var holder) && holder != step.New.Holder) yield return $"{key} has two holders: {holder} and {step.New.Holder} at {step.At:HH:mm:ss.ffffff}";
            holders[key] = step.New.Holder;
            if (step.Old is not { } old) continue;
            if (step.New.Term < old.Term) yield return $"{step.Kind} {step.Name} goes back from {old.Term} to {step.New.Term} at {step.At:HH:mm:ss.ffffff}";
            if (step.New.Holder != old.Holder && step.New.Term != old.Term + 1) yield return $"{step.Kind} {step.Name} changes hands from {old} to {step.New}";
        }
    }

    public static IEnumerable<string> Leader(Evidence evidence)
    {
        foreach (var judged in evidence.Of(Move.Reserve, Move.Exhaust, Move.TakeBack))
        {
            var step = judged.Step;
            if (judged.Move == Move.TakeBack && (step.Actor.Length == 0 || IsOfActor(step))) continue;
            if (step.Lease is not { IsLive: true }) yield return $"{judged.Move} without a term that stands: {step}";
            else if (evidence.History.ProcessOf(step.Actor) is { IsIsolated: false } actor && actor.Id != step.Lease.Process)
                yield return $"{judged.Move} by {actor.Application}, process {actor.Id}, which does not lead: {step}";
        }
    }

    /// <summary>What is run again by itself is so by the leader; the verbs have names of their own.</summary>
    public static IEnumerable<string> Relaunches(Evidence evidence)
    {
        foreach (var step in evidence.Of(Move.Relaunch).Select(j => j.Step))
        {
            if (evidence.History.ProcessOf(step.Actor) is not { IsIsolated: false } actor) continue;
            if (step.Lease is not { IsLive: true } lease || lease.Process != actor.Id) yield return $"run again by {actor.Application}, process {actor.Id}, which does not lead: {step}";
            else if (step.Old.Ok != true) yield return $"run again although it failed: {step}";
        }
    }

    public static IEnumerable<string> Session(Evidence evidence)
    {
        foreach (var judged in evidence.Of(Move.Start))
        {
            var step = judged.Step;
            if (step.Worker is not { IsLive: true }) yield return $"started without a lease that stands: {step}";
            if (step.Actor.Length == 0 || evidence.History.ProcessOf(step.Actor) is not { } actor) continue;
            if (!IsOfActor(step)) yield return $"started by somebody else than its worker: {step}";
            else if (!actor.IsIsolated && step.Worker is { } worker && worker.Process != actor.Id)
                yield return $"started by process {actor.Id}, but the worker's id is that of process {worker.Process}: {step}";
        }
    }

    /// <summary>Whether the worker is one of the process that acts.</summary>
    private static bool IsOfActor(AuditStep step)
    {
        var member = step.Actor.Split('~')[0];
        return IsOf(member, step.Rid);
    }

    private static bool IsOf(string member, string worker) => worker == member || worker.StartsWith($"{member}.", StringComparison.Ordinal);

    public static IEnumerable<string> Owner(Evidence evidence)
    {
        foreach (var judged in evidence.Of(Move.Release, Move.TakeBack))
        {
            var step = judged.Step;
            if (step.Actor.Length == 0 && judged.Move == Move.Release) continue;
            if (step.Actor.Length > 0 && IsOfActor(step)) continue;
            if (WhyNot(evidence, step) is { } why) yield return $"{why}: {step}";
        }
    }

    // Null: it was right to take it away.
    private static string? WhyNot(Evidence evidence, AuditStep step)
    {
        // Of what was not started the text is that of an attempt before.
        if (step.Old.St is not null && Transition.IsOverdue(step.New.Err)) return step.Old.St <= step.Tx - Limits.Deadline ? null : "called late before its time was over";
        if (step.Worker is not { State: not ("resigned" or "recovering") } worker) return null;
        var process = evidence.History.ProcessOf(worker.Process, step.At);
        if (!worker.IsLive) return process is null ? null : Grace(evidence, step, process);
        if (step.Old.St is null && step.Old.Rt <= step.Tx - Limits.Hand) return null;
        // A process that is known on this computer and is gone is dead whatever its lease says; of workers in processes of their own nothing is known.
        return process is null || process.To - Noticed <= step.At || evidence.History.MayBeFalse(step) ? null : "its worker lives, and its lease stands";
    }

    // After an outage of all the leases are over although nobody is dead: they get half a lease to be heard of.
    private static string? Grace(Evidence evidence, AuditStep step, ProcessFacts process)
    {
        var outage = evidence.History.Outages.FirstOrDefault(o => o.IsOfAll && o.To <= step.At && step.At < o.To + Limits.WorkerLease / 2 - Slack);
        return outage is not null && process.RanFrom(outage.From, step.At) && outage.To - outage.From > TimeSpan.Zero
            ? $"the database was away until {outage.To:HH:mm:ss.fff}, and its worker had no time to be heard of"
            : null;
    }

    /// <summary>
    /// A worker that is ready and finds something of its former life later on has not looked when it began: then the record has
    /// waited for nobody, or for the leader to think that it is dead.
    /// </summary>
    public static IEnumerable<string> FormerLife(Evidence evidence)
    {
        var registrations = evidence.History.Leases.Where(l => l.Kind == "worker" && l.Old?.Term != l.New.Term)
            .GroupBy(l => (l.Name, l.New.Term)).ToDictionary(l => l.Key, l => l.First().At);
        var excused = evidence.History.Processes.Where(p => p.SaidNotRecovered).ToList();
        var reservedFor = new Dictionary<long, long?>();
        foreach (var judged in evidence.Judged)
        {
            var step = judged.Step;
            if (judged.Move == Move.Reserve) reservedFor[step.Id] = step.Worker?.Number;
            if (judged.Move is not (Move.Release or Move.TakeBack)) continue;
            // Times alone do not tell where clocks were set meanwhile.
            if (step.Worker is not { State: "ready", IsLive: true } worker || reservedFor.GetValueOrDefault(step.Id) == worker.Number) continue;
            // A record that somebody had locked just then, or a column that was away, is taken back when it can be.
            if (excused.Exists(p => p.IsIsolated ? IsOf(p.Member, step.Rid) : p.Id == worker.Process)) continue;
            if (!registrations.TryGetValue((step.Rid, worker.Number), out var began)) continue;
            var held = step.Old.St ?? step.Old.Rt;
            if (held >= began - Noticed || (step.Old.St is null ? step.Old.Rt <= step.Tx - Limits.Hand : Transition.IsOverdue(step.New.Err))) continue;
            yield return $"held by a former life, and session {worker.Number} was ready before it was taken back: {step}";
        }
    }

    public static IEnumerable<string> LostAnswers(Evidence evidence)
    {
        foreach (var judged in evidence.Of(Move.TakeBack))
        {
            var step = judged.Step;
            var isByItself = step.Actor.Length > 0 && IsOfActor(step);
            if (evidence.Ledger[judged.Attempt].Any() || !(isByItself || Transition.IsOverdue(step.New.Err))) continue;
            var start = step.Old.St!.Value;
            // Workers in processes of their own may have had another life meanwhile.
            if (isByItself && evidence.History.ProcessOf(step.Actor) is not { IsIsolated: false }) continue;
            var own = evidence.History.Processes.Where(p => step.Rid.StartsWith($"{p.Member}.", StringComparison.Ordinal));
            var process = own.FirstOrDefault(p => p.RanFrom(start, step.At) && (!isByItself || p.Application == step.Actor));
            if (process is not null && !evidence.WasCutOff(process.Application, start, step.At))
                yield return $"charged, and never executed, although {process.Application} ran all the time: {step}";
        }
    }
}
