namespace Pampa;

/// <summary>Which entries of the audit.</summary>
public sealed record AuditQuery
{
    /// <summary>Where to go on: <see cref="AuditPage.Next"/> of the page before. Default null: with the newest entry.</summary>
    public string? Before { get; init; }

    /// <summary>At most so many. 1 to 1,000; default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>Only what was done to this job or to its records. Default null: anything.</summary>
    public string? Job { get; init; }

    /// <summary>Only what this person did. Default null: anybody.</summary>
    public string? Who { get; init; }

    /// <summary>Only this action, as <see cref="AuditEntry.Action"/> has it. Default null: any.</summary>
    public string? Action { get; init; }

    /// <summary>
    /// Only where this stands in <see cref="AuditEntry.Target"/>, in upper or lower case: <c>node web1</c> stands in <c>node web10</c>, too. Default
    /// null: anything.
    /// </summary>
    public string? TargetContains { get; init; }
}

/// <summary>A page of the audit.</summary>
/// <param name="Entries">The entries, newest first.</param>
/// <param name="Next">Where the next page begins; null: there is no more.</param>
public sealed record AuditPage(IReadOnlyList<AuditEntry> Entries, string? Next);

/// <summary>Something that a person or a program has done to the cluster. It is written in the transaction that does it.</summary>
/// <param name="Id">Its id; later ones have higher ones.</param>
/// <param name="At">When, by the database's clock.</param>
/// <param name="Who">Who: see <see cref="PampaCluster.As"/>.</param>
/// <param name="Action">
/// <c>retry</c>, <c>relaunch</c>, <c>cancel</c>, <c>skip</c>, <c>run-now</c>, <c>pause</c>, <c>resume</c>, <c>drain</c>, <c>pause schedule</c>,
/// <c>resume schedule</c> or <c>run schedule</c>.
/// </param>
/// <param name="Target">What it was done to, for example <c>job search_odd_numbers</c> or <c>node web1</c>.</param>
/// <param name="Detail">Which records, and why, as far as that was said.</param>
/// <param name="Count">How many records were changed; 0 where it was not about records.</param>
public sealed record AuditEntry(string Id, DateTimeOffset At, string Who, string Action, string Target, string Detail, long Count);
