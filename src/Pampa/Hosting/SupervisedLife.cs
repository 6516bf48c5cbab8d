using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>What a worker's process knows from the one that has started it, which says it by variables of the environment.</summary>
/// <param name="Limits">Its limits, and what is made of them.</param>
/// <param name="FormerDeath">What the life of this worker before has died of, for the error texts of its tasks; null: of nothing that is known.</param>
internal sealed record SupervisedLife(IReadOnlyList<WorkerLimitInfo> Limits, string? FormerDeath)
{
    public const string LimitsVariable = "PAMPA_WORKER_LIMITS";
    public const string DeathVariable = "PAMPA_WORKER_DIED_OF";
    private const int LongestDeath = 200;

    private static readonly Lazy<SupervisedLife> OfThisProcess = new(Take);

    public static SupervisedLife Unsupervised { get; } = new([], null);

    /// <summary>What this process was told; processes that it starts itself are not told.</summary>
    public static SupervisedLife Own => OfThisProcess.Value;

    /// <summary>How much memory it may have, in MB; null: there is no limit.</summary>
    public int? MaxRam => Limits.FirstOrDefault(l => l.Name == nameof(WorkerLimits.MaxRam))?.Value;

    // Whoever starts this process again does not do so for those that a handler starts, nor do its limits and its death concern them.
    private static SupervisedLife Take()
    {
        var own = Read(Environment.GetEnvironmentVariable);
        // It is read once, too.
        _ = ProcessIdentity.Current;
        foreach (var variable in (string[])[ProcessIdentity.SupervisorVariable, LimitsVariable, DeathVariable])
            Environment.SetEnvironmentVariable(variable, null);
        return own;
    }

    public static SupervisedLife Read(Func<string, string?> variable) => new(
        variable(LimitsVariable) is { } limits ? LimitsText.Read(limits) : [],
        variable(DeathVariable) is { Length: > 0 } death ? ErrorText.Sanitise(death, LongestDeath) : null);
}
