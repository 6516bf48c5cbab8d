namespace Pampa.Jobs;

/// <summary>What a node does of one job, as it publishes it.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="InHand">Records that its workers have in hand and have not started.</param>
/// <param name="Running">Tasks that are started.</param>
/// <param name="PerSecond">Tasks that ended a second since it last published.</param>
/// <param name="Median">How long half of the last tasks took at most.</param>
/// <param name="P90">How long nine of ten took at most.</param>
internal sealed record NodeLoad(string Job, int InHand, int Running, double PerSecond, TimeSpan Median, TimeSpan P90);
