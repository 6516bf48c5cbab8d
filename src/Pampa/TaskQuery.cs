namespace Pampa;

/// <summary>What a page of records shall show.</summary>
public sealed record TaskQuery
{
    /// <summary>Which records. Default: all.</summary>
    public TaskFilter Filter { get; init; } = new();

    /// <summary>In which order. Default: by key.</summary>
    public TaskOrder Order { get; init; } = TaskOrder.Key;

    /// <summary>Where to go on: <see cref="TaskPage.Next"/> of the page before, of the same query. Default null: at the beginning.</summary>
    public string? After { get; init; }

    /// <summary>At most so many records. 1 to 10,000; default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>The columns whose values are brought along. Default null: none, for they may be what not everybody may see.</summary>
    public IReadOnlyCollection<string>? Columns { get; init; }
}

/// <summary>An order of records.</summary>
public enum TaskOrder
{
    /// <summary>By key.</summary>
    Key,

    /// <summary>By key, the last one first.</summary>
    KeyDescending,

    /// <summary>
    /// Ended records only, the newest end first. Of failed ones it is quick by the index that <c>migrate</c> advises; of others a table of
    /// more than 100,000 records must have an index that begins with the end. Where there is none, an <see cref="ArgumentException"/> says
    /// which one to make. A filter that names keys, or says with <see cref="ColumnOperator.Equal"/> what a column is, is never refused for
    /// that: it may be quick by an index of your own, and ends in a <see cref="TimeoutException"/> where it is not.
    /// </summary>
    LatestEnd,

    /// <summary>
    /// Running records only, that which has been running the longest first. All open records are looked at for it, so where there are
    /// millions of them it may end in a <see cref="TimeoutException"/>.
    /// </summary>
    LongestRunning,
}

/// <summary>A page of records.</summary>
/// <param name="Tasks">The records, in order.</param>
/// <param name="Next">Where the next page begins, for <see cref="TaskQuery.After"/>; null: there is no more.</param>
/// <param name="IsPartial">
/// Whether there may be more although fewer came than were asked for: one call looks at no more than 50,000 records, so that it is quick
/// on a table of any size. Go on with <see cref="Next"/>.
/// </param>
public sealed record TaskPage(IReadOnlyList<TaskInfo> Tasks, string? Next, bool IsPartial)
{
    /// <summary>How many records were looked at for it, at least: for whoever follows a search through a large table. Default 0.</summary>
    public long LookedAt { get; init; }
}

/// <summary>How many records there are of a kind.</summary>
/// <param name="Count">How many.</param>
/// <param name="IsExact">False: there are more; counting ended at its limit, or after a second.</param>
public sealed record TaskCount(long Count, bool IsExact);
