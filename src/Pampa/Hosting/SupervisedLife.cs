using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>What a worker's process knows from the one that has started it, which says it by variables of the environment.</summary>
/// <param name="Limits">Its limits, and what is made of them.</param>
/// <param name="FormerDeath">What the life of this worker before has died of, for the error texts of its tasks; null: of nothing that is known.</param>
internal sealed record SupervisedLife(IReadOnlyList<WorkerLimitInfo> Limits, string? FormerDeath)
{
    public const string LimitsVariable = "PAMPA_WORKER_LIMITS";
    public const string DeathVariable = "PAMPA_WORKER_DIED_OF";
    private const int LongestDeath = 200;

    public static SupervisedLife Unsupervised { get; } = new([], null);

    /// <summary>How much memory it may have, in MB; null: there is no limit.</summary>
    public int? MaxRam => Limits.FirstOrDefault(l => l.Name == nameof(WorkerLimits.MaxRam))?.Value;

    public static SupervisedLife Read(Func<string, string?> variable) => new(
        variable(LimitsVariable) is { } limits ? LimitsText.Read(limits) : [],
        variable(DeathVariable) is { Length: > 0 } death ? ErrorText.Sanitise(death, LongestDeath) : null);
}
