namespace Pampa;

/// <summary>Why a record runs, or does not: <see cref="PampaCluster.ExplainAsync"/>.</summary>
/// <param name="Task">The record as it stands in the table.</param>
/// <param name="Verdict">The reason in a sentence or two. It may quote the record's error text.</param>
/// <param name="Conditions">
/// All that must hold before the record is started, in the order in which it is asked: first those of the record itself, then those
/// of the cluster.
/// </param>
public sealed record TaskExplanation(TaskInfo Task, string Verdict, IReadOnlyList<TaskCondition> Conditions)
{
    /// <summary>Whether nothing keeps the record from being reserved and started: every condition that is known holds.</summary>
    public bool WillRun => Conditions.All(c => c.Holds != false);

    /// <summary>
    /// When something happens by itself: the record becomes due, or the time of the running attempt is over. Null where
    /// nothing is waited for; zero where it should have happened already.
    /// </summary>
    public TimeSpan? NextIn { get; init; }

    /// <summary>
    /// How many due records come before this one in the job's order; null where it is none of those that would be reserved, or where
    /// more than 10,000 come first.
    /// </summary>
    public int? Before { get; init; }
}

/// <summary>One condition for a record to be started.</summary>
/// <param name="Name">Which one, for example <c>due</c>; it does not change.</param>
/// <param name="Holds">Whether it holds; null: that could not be found out.</param>
/// <param name="Detail">What was seen. It may quote data.</param>
public sealed record TaskCondition(string Name, bool? Holds, string Detail);
