namespace Pampa;

/// <summary>The failures of a job in groups of the same kind.</summary>
/// <param name="Groups">The groups, the largest first; at most 200.</param>
/// <param name="Examined">How many failed records were looked at, the latest first.</param>
/// <param name="IsComplete">Whether these are all that there are.</param>
public sealed record ErrorReport(IReadOnlyList<ErrorGroup> Groups, int Examined, bool IsComplete);

/// <summary>Failures whose texts differ by no more than numbers, names and other particulars.</summary>
/// <param name="Pattern">The first line of the texts, with an ellipsis in the place of numbers, ids and what stands in quotes.</param>
/// <param name="Count">How many.</param>
/// <param name="First">The earliest end among them; null where none is known.</param>
/// <param name="Last">The latest end.</param>
/// <param name="SampleKey">The key of the latest one.</param>
/// <param name="Sample">Its text, cut to 500 characters.</param>
public sealed record ErrorGroup(string Pattern, int Count, DateTimeOffset? First, DateTimeOffset? Last, string SampleKey, string Sample);
