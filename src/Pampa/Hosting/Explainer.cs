using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Storage.Examination;

namespace Pampa.Hosting;

/// <summary>What is known of a record and of those who could do it.</summary>
/// <param name="Record">The record.</param>
/// <param name="Job">Its job.</param>
/// <param name="Info">The cluster.</param>
internal sealed record Evidence(ExaminedRecord Record, JobDefinition Job, ClusterInfo Info)
{
    /// <summary>The worker whose id it carries; null: nobody of this id was ever here.</summary>
    public WorkerVital? Holder { get; init; }

    /// <summary>Whether this database tells of locks.</summary>
    public bool SeesLocks { get; init; }

    /// <summary>Who has locked it, for people; null: nobody.</summary>
    public string? LockHolder { get; init; }

    /// <summary>Why that cannot be told.</summary>
    public string? LockError { get; init; }

    /// <summary>What the job's own selection says of it; null: there is none, or it cannot be asked.</summary>
    public Choice? Choice { get; init; }

    /// <summary>Why it cannot.</summary>
    public string? ChoiceError { get; init; }

    /// <summary>How many due records come first; null: it is none of those, too many come first, or that cannot be told.</summary>
    public int? Before { get; init; }

    /// <summary>Why that cannot be told.</summary>
    public string? BeforeError { get; init; }
}

/// <summary>Says from the evidence why a record runs or does not; pure.</summary>
internal static class Explainer
{
    private const string Where = "where";
    private const string Select = "selected";
    private const string Turn = "its turn";

    public static TaskExplanation Explain(Evidence evidence)
    {
        var (record, job) = (evidence.Record, evidence.Job);
        List<TaskCondition> ofRecord =
        [
            new("not ended", record.IsOpen, record.IsOpen ? "it has no end" : $"it {(record.Task.State == TaskState.Completed ? "completed" : "failed")} {Ago(record.Ended)}"),
            new("free", record.IsFree, record.IsFree ? "nobody holds it" : record.IsOpen ? HeldBy(evidence) : $"worker '{record.Task.Worker}' had it last"),
            new("attempts left", record.HasAttempts, $"{record.Task.Attempts} of {job.MaxAttempts} are used"),
            new("due", record.IsDue, record.IsDue ? record.Reserved is { } since && record.IsFree ? $"since {Span(since)}" : "it is" : $"in {Span(-record.Reserved ?? 0)}"),
            new(Where, job.LacksCondition ? null : record.Fits, Condition(record, job)),
        ];
        if (job.Sequence is { } sequence && record.IsOpen) ofRecord.Add(TurnOf(record, job, sequence));
        if ((job.Selecting is not null || job.LacksSelection) && record.IsOpen) ofRecord.Add(Selected(evidence));
        if (evidence.SeesLocks)
            ofRecord.Add(Lock(evidence));
        List<TaskCondition> conditions = [.. ofRecord, .. OfCluster(evidence)];
        return new TaskExplanation(record.Task, Verdict(evidence, conditions), conditions) { NextIn = NextIn(evidence), Before = evidence.Before };
    }

    private static string Condition(ExaminedRecord record, JobDefinition job) => record switch
    {
        _ when job.LacksCondition => "the job has a condition (Where) that only its own program knows",
        { Misfit: { } misfit } => $"the condition cannot be asked of it: {misfit}",
        _ when job.Where is null => "the job has no condition",
        _ => $"it {(record.Fits == true ? "matches" : "does not match")} the condition {PublishedJob.WhereText(job.Where)}",
    };

    private static TaskCondition TurnOf(ExaminedRecord record, JobDefinition job, Sequencing sequence)
    {
        var of = string.Join(", ", sequence.Columns);
        return record.Turn switch
        {
            "alone" => new(Turn, true, $"it has no {of} and waits for nobody"),
            "held" => new(Turn, false, $"a worker holds another record of the same {of}"),
            "failed" => new(Turn, false, $"a record of the same {of} has failed, and those of its sequence wait until it is retried"),
            // Which comes first follows from all that says which are tasks, and in which order.
            "behind" or "next" when job.LacksCondition || job.LacksOrder =>
                new(Turn, null, $"which record of the same {of} comes first, only the job's own program knows"),
            "behind" => new(Turn, false, $"a record of the same {of} that comes before it has not ended"),
            null => new(Turn, null, "it cannot be told"),
            _ => new(Turn, true, $"no record of the same {of} comes before it"),
        };
    }

    private static TaskCondition Selected(Evidence evidence) => evidence switch
    {
        { Job.LacksSelection: true } => new(Select, null, "the job has a Select that only its own program knows"),
        { ChoiceError: { } error } => new(Select, null, $"the job's Select cannot be asked: {error}"),
        { Choice: { IsNamed: true } } => new(Select, true, "the job's Select names it"),
        { Choice: { Named: var named, IsWhole: true } } => new(Select, false, FormattableString.Invariant($"the job's Select does not name it; it names {named:N0} records now")),
        { Choice: { Named: var named } } => new(Select, null, FormattableString.Invariant($"it is not among the first {named:N0} records that the job's Select names")),
        _ => new(Select, null, "the job's Select was not asked"),
    };

    private static TaskCondition Lock(Evidence evidence) => evidence switch
    {
        { LockError: { } error } => new("not locked", null, $"it cannot be asked: {error}"),
        { LockHolder: { } holder } => new("not locked", false, $"{holder} has locked it"),
        _ => new("not locked", true, "no other session has locked it"),
    };

    private static IEnumerable<TaskCondition> OfCluster(Evidence evidence)
    {
        var (job, info) = (evidence.Job, evidence.Info);
        var held = info.Held.FirstOrDefault(h => h.Target == PampaTarget.Job(job.Name));
        var reason = held is { Reason.Length: > 0 } ? $" ({held.Reason})" : "";
        var end = held?.EndsIn is { } left ? $"for {Span(left.TotalSeconds)} more" : "until it is resumed";
        yield return new("job not paused", held is null, held is null ? "the job is not paused" : $"the job is paused{reason}, {end}");
        yield return new("a dispatcher leads", info.Leader is not null, info.Leader is { } leader ? $"{leader.Node} leads, in term {leader.Term}" : "no dispatcher leads");
        var able = info.Workers.Count(w =>
            w is { IsReady: true, IsAttached: true } && WorkerMatch.Matches(job, w.Id) && job.Admits(ProgramVersion.Of(w.Program)));
        var serving = info.Workers.Count(w => w.Job == job.Name);
        var share = info.Jobs.FirstOrDefault(j => j.Job == job.Name) is { Reason.Length: > 0 } why ? $": {why.Reason}" : "";
        var filter = job.WorkerFilter is { } pattern ? $" (WorkerFilter '{pattern}')" : "";
        if (job.Minimum is { } least) filter += $" (MinProgramVersion {least})";
        yield return new("a worker may do it", able > 0, info.Workers.Count == 0
            ? "no worker lives"
            : FormattableString.Invariant($"{able:N0} of {info.Workers.Count:N0} living workers may do it{filter}, {serving:N0} serve the job{share}"));
    }

    private static string Verdict(Evidence evidence, List<TaskCondition> conditions)
    {
        var (record, job) = (evidence.Record, evidence.Job);
        var task = record.Task;
        switch (task.State)
        {
            case TaskState.Completed:
                return $"It completed {Ago(record.Ended)} and is not done again unless it is relaunched.";
            case TaskState.Failed when !record.IsOpen:
                return $"It failed {Ago(record.Ended)}, in attempt {task.Attempts} of {job.MaxAttempts}{Because(task)}. The verb 'retry' makes it pending again.";
            case TaskState.Failed:
                return $"It has used all of its {job.MaxAttempts} attempts and counts as failed{Because(task)}. A dispatcher that leads gives it its end; then 'retry' makes it pending again.";
            case TaskState.Reserved:
                return $"It is reserved, and not started: {HeldBy(evidence)}. {(IsGone(evidence.Holder) ? TakenBack(evidence) : "It starts when what that worker has in hand before it is done.")}";
            case TaskState.Running:
                var left = job.MaxDuration.TotalSeconds - (record.Started ?? 0);
                return $"Attempt {task.Attempts} of {job.MaxAttempts} runs since {Span(record.Started ?? 0)}: {HeldBy(evidence)}. "
                    + (IsGone(evidence.Holder) ? TakenBack(evidence) : left > 0 ? $"Its time (MaxDuration) is over in {Span(left)}." : $"Its time (MaxDuration) is over since {Span(-left)}. {TakenBack(evidence)}");
            case TaskState.Scheduled:
                return $"It is due in {Span(-record.Reserved ?? 0)}"
                    + (task.Attempts > 0 ? $": the next attempt after {task.Attempts} of {job.MaxAttempts} has to wait that long{Because(task)}." : ": it was put off, or inserted for later.");
        }
        // A lock that cannot be asked for is no reason; a condition that cannot be asked is.
        bool IsUnknown(TaskCondition c) => c.Holds is null && c.Name is Select or Where or Turn;
        var missing = conditions.Where(c => c.Holds == false || IsUnknown(c)).ToList();
        if (missing.Count > 0) return $"It is due, but {string.Join(", and ", missing.Select(c => c.Detail))}.";
        if (evidence.BeforeError is { } unknown) return $"It is due. How many records come first cannot be told: {unknown}.";
        return evidence.Before switch
        {
            null => "It is due, and more than 10,000 records come first.",
            0 => "It is due, and the next one to be reserved.",
            1 => "It is due, and one record comes first.",
            { } before => FormattableString.Invariant($"It is due, and {before:N0} records come first."),
        };
    }

    private static TimeSpan? NextIn(Evidence evidence)
    {
        var record = evidence.Record;
        return record.Task.State switch
        {
            TaskState.Scheduled => Left(-record.Reserved ?? 0),
            TaskState.Running => Left(evidence.Job.MaxDuration.TotalSeconds - (record.Started ?? 0)),
            _ => null,
        };
    }

    private static string TakenBack(Evidence evidence) => evidence.Info.Leader is null
        ? "Nobody takes it back before a dispatcher leads."
        : "The dispatcher that leads takes it back.";

    private static string HeldBy(Evidence evidence)
    {
        var worker = $"worker '{evidence.Record.Task.Worker}'";
        return evidence.Holder switch
        {
            null => $"{worker} holds it, of which this cluster has never heard",
            { HasResigned: true } left => $"{worker} of node {left.Node} holds it, which has left, {Ago(left.LastHeard.TotalSeconds)}",
            { IsExpired: true } dead => $"{worker} of node {dead.Node} holds it, which was heard last {Ago(dead.LastHeard.TotalSeconds)} and counts as dead",
            { } alive => $"{worker} of node {alive.Node} holds it, which lives and was heard {Ago(alive.LastHeard.TotalSeconds)}",
        };
    }

    private static bool IsGone(WorkerVital? holder) => holder is null or { HasResigned: true } or { IsExpired: true };

    private static string Because(TaskInfo task) => task.Error is { Length: > 0 } error ? $", because of: {error.TrimEnd('.', ' ')}" : "";

    private static TimeSpan Left(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, Limits.LongestDelay.TotalSeconds));

    private static string Span(double seconds) => Examiner.AgeOf(seconds);

    private static string Ago(double? seconds) => seconds is { } known ? $"{Span(known)} ago" : "at a time that cannot be read";
}
