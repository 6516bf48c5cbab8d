namespace Pampa.Jobs;

/// <summary>Which records of a job are done one after the other.</summary>
/// <param name="Columns">Those with the same values of these columns.</param>
/// <param name="GoesOnAfterFailure">Whether one that has failed for good holds up nobody.</param>
internal sealed record Sequencing(IReadOnlyList<string> Columns, bool GoesOnAfterFailure);
