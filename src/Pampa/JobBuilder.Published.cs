namespace Pampa;

/// <content>Of a job that another program has published: what of it is not known here.</content>
public sealed partial class JobBuilder
{
    /// <summary>Whether all that is known of it is what another program has published.</summary>
    internal bool IsPublished { get; init; }

    /// <summary>Whether only the program that has published the job knows which records are tasks.</summary>
    internal bool LacksCondition { get; init; }

    /// <summary>Whether only the program that has published the job knows its OrderBy.</summary>
    internal bool LacksOrder { get; init; }

    /// <summary>Whether only the program that has published the job has its Select.</summary>
    internal bool LacksSelection { get; init; }

    /// <summary>Whether only the program that has published the job has its OnFinished.</summary>
    internal bool LacksFinished { get; init; }
}
