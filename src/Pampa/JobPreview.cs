namespace Pampa;

/// <summary>What a job would reserve next, and how: <see cref="PampaCluster.PreviewAsync"/>.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Tasks">The records, in the order in which they would be reserved. Locks that others hold are not looked at.</param>
/// <param name="Sql">
/// The statement that selects them when they are reserved, with the names of its parameters: of a job with a statement of its own,
/// that one; where code names the records, the one that takes those which can be reserved.
/// </param>
/// <param name="Parameters">Those names; values are not shown, they may be anything.</param>
/// <param name="Plan">How the database would run that statement, line by line in its own words.</param>
public sealed record JobPreview(
    string Job, IReadOnlyList<PreviewedTask> Tasks, string Sql, IReadOnlyList<string> Parameters, IReadOnlyList<string> Plan)
{
    /// <summary>
    /// What the job's own selection (<see cref="JobBuilder.Select(Pampa.Sql)"/>) names and what would be passed by: records that cannot be
    /// reserved, and texts that are no keys. Empty for a job that has none.
    /// </summary>
    public IReadOnlyList<string> PassedBy { get; init; } = [];
}

/// <summary>A record that would be reserved.</summary>
/// <param name="Key">Its key as text, as <see cref="PampaCluster"/> takes it.</param>
/// <param name="Attempts">How many attempts were started before.</param>
/// <param name="DueFor">How long it has been due; null where it carries no time.</param>
public sealed record PreviewedTask(string Key, int Attempts, TimeSpan? DueFor);
