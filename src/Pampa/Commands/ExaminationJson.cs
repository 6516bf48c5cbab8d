namespace Pampa.Commands;

/// <summary>What <c>doctor --json</c> prints.</summary>
/// <param name="Database">Which database it is about; never with a password.</param>
/// <param name="Findings">The worst first.</param>
internal sealed record DoctorJson(string Database, IReadOnlyList<FindingJson> Findings);

/// <summary>A finding; the severity is info, warning or error.</summary>
internal sealed record FindingJson(string Severity, string Id, string Where, string What, string Remedy)
{
    public static FindingJson Of(Finding f) => new(f.Severity.ToString().ToLowerInvariant(), f.Id, f.Where, f.What, f.Remedy);
}

/// <summary>What <c>explain --json</c> prints; times are in seconds.</summary>
internal sealed record ExplainJson(
    string Job, string Key, string State, string Verdict, bool WillRun, string? Worker, int Attempts, DateTimeOffset? ReservedAt, DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt, string? Error, double? NextInSeconds, int? Before, IReadOnlyList<TaskCondition> Conditions)
{
    public static ExplainJson Of(string job, TaskExplanation e) => new(
        job, e.Task.Key, e.Task.State.ToString().ToLowerInvariant(), e.Verdict, e.WillRun, e.Task.Worker, e.Task.Attempts, e.Task.ReservedAt, e.Task.StartedAt,
        e.Task.EndedAt, e.Task.Error, e.NextIn?.TotalSeconds, e.Before, e.Conditions);
}

/// <summary>What <c>preview --json</c> prints; times are in seconds.</summary>
internal sealed record PreviewJson(string Job, IReadOnlyList<PreviewedJson> Tasks, string Sql, IReadOnlyList<string> Parameters, IReadOnlyList<string> Plan,
    IReadOnlyList<string> PassedBy)
{
    public static PreviewJson Of(JobPreview p) => new(
        p.Job, [.. p.Tasks.Select(t => new PreviewedJson(t.Key, t.Attempts, t.DueFor?.TotalSeconds))], p.Sql, p.Parameters, p.Plan, p.PassedBy);
}

/// <summary>A record of it.</summary>
internal sealed record PreviewedJson(string Key, int Attempts, double? DueForSeconds);
