using Pampa.Jobs;

namespace Pampa;

/// <summary>
/// What one worker may take of its computer. Only workers that are processes of their own can be limited: <c>node --isolated</c>. Each
/// limit is enforced by the strongest means that the computer permits, which <c>doctor</c> tells (see <see cref="NodeInfo.Limits"/>).
/// </summary>
public sealed record WorkerLimits
{
    private const int LeastRam = 128;
    private const int MostRam = 16 * 1024 * 1024;
    private const int MostCpu = 100_000;
    private const int MostIo = 1_000_000;

    /// <summary>
    /// Memory in MB. A worker that goes beyond it is started again; the task that it ran has used one attempt, and its error text tells
    /// why. 128 to 16,777,216; default null: no limit.
    /// </summary>
    public int? MaxRam { get; init; }

    /// <summary>Processor time in per cent of one core: 50 is half a core, 200 two cores. 1 to 100,000; default null: no limit.</summary>
    public int? MaxCpu { get; init; }

    /// <summary>
    /// What is read from disks, and what is written to them, in megabits a second each. 1 to 1,000,000; default null: no limit. What is
    /// written through the page cache is limited by control groups of version 2 alone.
    /// </summary>
    public int? MaxDiskIo { get; init; }

    /// <summary>
    /// What is sent over the network, in megabits a second. 1 to 1,000,000; default null: no limit. It is enforced only for root with <c>tc</c>
    /// and control groups of <c>net_cls</c>; elsewhere the node says that it is not.
    /// </summary>
    public int? MaxNetIo { get; init; }

    /// <summary>Whether it limits nothing.</summary>
    internal bool IsEmpty => this is { MaxRam: null, MaxCpu: null, MaxDiskIo: null, MaxNetIo: null };

    /// <summary>The same, but for what others say themselves.</summary>
    internal WorkerLimits With(WorkerLimits others) => new()
    {
        MaxRam = others.MaxRam ?? MaxRam,
        MaxCpu = others.MaxCpu ?? MaxCpu,
        MaxDiskIo = others.MaxDiskIo ?? MaxDiskIo,
        MaxNetIo = others.MaxNetIo ?? MaxNetIo,
    };

    /// <summary>Everything that is wrong with them, each without an end.</summary>
    internal IEnumerable<string> Errors() =>
        from limit in ((string Name, int? Value, int Min, int Max)[])
        [
            (nameof(MaxRam), MaxRam, LeastRam, MostRam), (nameof(MaxCpu), MaxCpu, 1, MostCpu),
            (nameof(MaxDiskIo), MaxDiskIo, 1, MostIo), (nameof(MaxNetIo), MaxNetIo, 1, MostIo),
        ]
        where limit.Value < limit.Min || limit.Value > limit.Max
        select FormattableString.Invariant($"{limit.Name} must be between {limit.Min:N0} and {limit.Max:N0}, got {limit.Value:N0}");
}

/// <summary>How well a limit of a worker is enforced.</summary>
public enum LimitEnforcement
{
    /// <summary>Not at all: the computer permits no means.</summary>
    None,

    /// <summary>In part; <see cref="WorkerLimitInfo.By"/> says in which.</summary>
    Partly,

    /// <summary>The operating system lets no worker beyond it.</summary>
    Full,
}

/// <summary>A limit of a node's workers, and what is made of it on the node's computer.</summary>
/// <param name="Name">Which: the name of the property of <see cref="WorkerLimits"/>.</param>
/// <param name="Value">How much, in the unit of that property.</param>
/// <param name="Enforcement">How well it is enforced.</param>
/// <param name="By">By what; where it is not, why.</param>
public sealed record WorkerLimitInfo(string Name, int Value, LimitEnforcement Enforcement, string By)
{
    internal string Amount => FormattableString.Invariant($"{Name} {Value:N0} {LimitsText.UnitOf(Name)}");

    /// <summary>The limit in a line: <c>MaxRam 512 MB: enforced by cgroup v2 (memory.max)</c>.</summary>
    public override string ToString() => $"{Amount}: {Enforcement switch
    {
        LimitEnforcement.Full => "enforced by",
        LimitEnforcement.Partly => "enforced in part, by",
        _ => "not enforced:",
    }} {By}";
}
