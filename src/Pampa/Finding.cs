namespace Pampa;

/// <summary>How much a <see cref="Finding"/> matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing need be done.</summary>
    Info,

    /// <summary>Works, but slower, less safely or less reliably than it could.</summary>
    Warning,

    /// <summary>Something does not work, or will not.</summary>
    Error,
}

/// <summary>One thing that <see cref="PampaCluster.ExamineAsync"/> has found.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Id">What kind of finding it is, for programs, for example <c>index-missing</c>; it does not change.</param>
/// <param name="Where">What it is about, for example <c>job search_odd_numbers</c>, <c>server</c> or <c>cluster</c>.</param>
/// <param name="What">What was found. It may quote data (keys, names of applications): do not show it unescaped.</param>
/// <param name="Remedy">What to do about it; empty where there is nothing to do.</param>
public sealed record Finding(FindingSeverity Severity, string Id, string Where, string What, string Remedy)
{
    internal static Finding Info(string id, string where, string what, string remedy = "") => new(FindingSeverity.Info, id, where, what, remedy);

    internal static Finding Warning(string id, string where, string what, string remedy) => new(FindingSeverity.Warning, id, where, what, remedy);

    internal static Finding Error(string id, string where, string what, string remedy) => new(FindingSeverity.Error, id, where, what, remedy);
}
