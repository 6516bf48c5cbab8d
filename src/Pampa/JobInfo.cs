namespace Pampa;

/// <summary>
/// What a job is, as a process of the cluster has published it last: its structure and limits, and its conditions as texts for people.
/// </summary>
/// <param name="Job">The job's name.</param>
/// <param name="Table">Its table, as the program names it.</param>
/// <param name="Key">The columns of its key.</param>
public sealed record JobInfo(string Job, string Table, IReadOnlyList<string> Key)
{
    /// <summary>Which program has published it, and in which version.</summary>
    public string Program { get; init; } = "";

    /// <summary>As <see cref="JobBuilder.MaxAttempts"/>; null: what is published is none that a job may have.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>As <see cref="JobBuilder.MaxDuration"/>; null: what is published is none that a job may have.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>As <see cref="JobBuilder.MaxAssignedWorkers"/>; null: as many as there are.</summary>
    public int? MaxAssignedWorkers { get; init; }

    /// <summary>As <see cref="JobBuilder.WorkerFilter"/>; null: any worker.</summary>
    public string? WorkerFilter { get; init; }

    /// <summary>As <see cref="JobBuilder.MaxWait"/>; null: a task may wait as long as it must.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>The moment by which its work shall be done; null: there is none.</summary>
    public DateTimeOffset? FinishBy { get; init; }

    /// <summary>The time of day by which its work shall be done each day, in <see cref="FinishAtZone"/>; null: there is none.</summary>
    public TimeOnly? FinishAt { get; init; }

    /// <summary>The time zone of <see cref="FinishAt"/>; null: there is no such time.</summary>
    public string? FinishAtZone { get; init; }

    /// <summary>Its condition, with the names of parameters in place of their values; null: all records are tasks of it.</summary>
    public string? Where { get; init; }

    /// <summary>Its own order; null: there is none.</summary>
    public string? OrderBy { get; init; }
}
