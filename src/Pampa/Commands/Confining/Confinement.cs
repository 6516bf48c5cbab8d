using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Commands.Confining;

/// <summary>The limits of a node's workers, each given to the strongest means that this computer permits; that is found out once.</summary>
internal sealed class Confinement
{
    // The heap is not all that a process needs: the runtime has memory of its own.
    private const double HeapShare = 0.75;
    private const string HeapVariable = "DOTNET_GCHeapHardLimit";
    private readonly List<(IMeans Means, WorkerLimits Limits)> parts = [];
    private readonly IReadOnlyList<IMeans> all;
    private readonly WorkerLimits limits;
    private int lives;

    /// <param name="limits">The limits.</param>
    /// <param name="means">The means, the strongest first.</param>
    public Confinement(WorkerLimits limits, IReadOnlyList<IMeans> means)
    {
        this.limits = limits;
        all = means;
        foreach (var one in means) one.CleanUp();
        var chosen = new Dictionary<string, WorkerLimitInfo>(StringComparer.Ordinal);
        var left = limits;
        foreach (var one in limits.IsEmpty ? [] : means)
        {
            var offers = one.Offer(left);
            var own = new WorkerLimits();
            foreach (var offer in offers)
            {
                chosen[offer.Name] = offer;
                own = own.With(Only(left, offer.Name));
            }
            if (own.IsEmpty) continue;
            parts.Add((one, own));
            left = Without(left, own);
        }
        Words = [.. All(limits).Select(l => chosen.GetValueOrDefault(l.Name) ?? new WorkerLimitInfo(l.Name, l.Value, LimitEnforcement.None, Missing(l.Name)))];
    }

    /// <summary>What is made of each limit.</summary>
    public IReadOnlyList<WorkerLimitInfo> Words { get; }

    /// <summary>For the workers of a node of this computer.</summary>
    public static Confinement Find(WorkerLimits limits, string cluster, string node)
    {
        if (!OperatingSystem.IsLinux()) return new Confinement(limits, []);
        var groups = ControlGroups.Find();
        // No name of a cluster or node has this sign in it.
        var name = $"pampa@{cluster}@{node}";
        return new Confinement(limits,
        [
            new CgroupV2(groups, name, () => Disks.Find()), new CgroupV1(groups, name, () => Disks.Find()), SystemdScope.Find(groups),
            TrafficControl.Find(groups, name), new UserMeans(UserMeans.Processors(), Programs.Find),
        ]);
    }

    /// <summary>What a new life of a worker is started with.</summary>
    /// <param name="worker">The worker.</param>
    /// <param name="formerDeath">What its last life has died of; null: of nothing that is known.</param>
    /// <exception cref="IOException">A means is not there any more.</exception>
    /// <exception cref="UnauthorizedAccessException">A means is not permitted any more.</exception>
    public ConfinedLife Begin(string worker, string? formerDeath)
    {
        var life = new ConfinedLife(worker, Interlocked.Increment(ref lives));
        if (ProcessIdentity.AsSupervisor is { } supervisor) life.Variables[ProcessIdentity.SupervisorVariable] = supervisor;
        if (Words.Count > 0) life.Variables[SupervisedLife.LimitsVariable] = LimitsText.Write(Words);
        if (formerDeath is not null) life.Variables[SupervisedLife.DeathVariable] = formerDeath;
        // So that a handler that wants too much meets an exception, as a rule, before the kernel kills the whole process.
        if (limits.MaxRam is { } megabytes && Environment.GetEnvironmentVariable(HeapVariable) is null)
            life.Variables[HeapVariable] = FormattableString.Invariant($"0x{(long)(megabytes * 1024L * 1024 * HeapShare):X}");
        // Whatever means the limit fell to: a runtime that cannot even throw that exception ends the process with a line about it.
        life.EndsByItself = limits.MaxRam is not null;
        try
        {
            foreach (var (means, own) in parts) means.Confine(life, own);
        }
        catch
        {
            life.End();
            throw;
        }
        return life;
    }

    /// <summary>What there is to say of a life that has met its memory limit.</summary>
    public string OverMemory(string worker) => FormattableString.Invariant($"worker {worker} over its MaxRam of {limits.MaxRam} MB");

    /// <summary>All workers have ended.</summary>
    public void CleanUp()
    {
        foreach (var one in all) one.CleanUp();
    }

    private static string Missing(string limit) => !OperatingSystem.IsLinux() ? "limits are for Linux"
        : limit == nameof(WorkerLimits.MaxNetIo) ? TrafficControl.Needs : "no means for it is permitted here";

    private static IEnumerable<(string Name, int Value)> All(WorkerLimits limits) =>
        ((string Name, int? Value)[])
        [
            (nameof(WorkerLimits.MaxRam), limits.MaxRam), (nameof(WorkerLimits.MaxCpu), limits.MaxCpu),
            (nameof(WorkerLimits.MaxDiskIo), limits.MaxDiskIo), (nameof(WorkerLimits.MaxNetIo), limits.MaxNetIo),
        ] is var all ? all.Where(l => l.Value is not null).Select(l => (l.Name, l.Value!.Value)) : [];

    private static WorkerLimits Only(WorkerLimits of, string name) => name switch
    {
        nameof(WorkerLimits.MaxRam) => new WorkerLimits { MaxRam = of.MaxRam },
        nameof(WorkerLimits.MaxCpu) => new WorkerLimits { MaxCpu = of.MaxCpu },
        nameof(WorkerLimits.MaxDiskIo) => new WorkerLimits { MaxDiskIo = of.MaxDiskIo },
        _ => new WorkerLimits { MaxNetIo = of.MaxNetIo },
    };

    private static WorkerLimits Without(WorkerLimits of, WorkerLimits gone) => new()
    {
        MaxRam = gone.MaxRam is null ? of.MaxRam : null,
        MaxCpu = gone.MaxCpu is null ? of.MaxCpu : null,
        MaxDiskIo = gone.MaxDiskIo is null ? of.MaxDiskIo : null,
        MaxNetIo = gone.MaxNetIo is null ? of.MaxNetIo : null,
    };
}
