using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>What a fault lays its hands on; two that lay them on the same are not injected together.</summary>
internal enum Target
{
    Process,
    Server,
    Wire,
    Table,
}

/// <summary>One thing that goes wrong: it is injected, it lasts a while, and it is healed.</summary>
/// <param name="Name">By which the command line knows it.</param>
/// <param name="Target">What it is about.</param>
/// <param name="What">A sentence.</param>
/// <param name="RunAsync">Injects, waits, heals; says what was done. Healed also when it is cancelled.</param>
internal sealed record Fault(string Name, Target Target, string What, Func<World, Random, CancellationToken, Task<string>> RunAsync)
{
    /// <summary>Null: all.</summary>
    public Profile[]? Profiles { get; init; }

    /// <summary>Not with another: what a process that starts meanwhile makes of it is another story.</summary>
    public bool IsAlone { get; init; }

    /// <summary>What the fault needs that not every server gives; null: nothing.</summary>
    public string? Needs { get; init; }

    /// <summary>The server is stopped, filled or locked as a whole, or something stands between it and its clients.</summary>
    public const string OwnServer = "a server of the run's own";

    /// <summary>CockroachDB has none.</summary>
    public const string TableLocks = "LOCK TABLE";

    public bool IsOf(Profile profile) => Profiles is null || Profiles.Contains(profile);
}

/// <summary>All faults.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<Fault> All { get; } =
        [.. ProcessFaults.All, .. OperatorFaults.All, .. ClockFaults.All, .. WireFaults.All, .. ServerFaults.All, .. TableFaults.All, .. HostFaults.All];
}
