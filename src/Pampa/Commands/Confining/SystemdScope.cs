namespace Pampa.Commands.Confining;

/// <summary>A scope of systemd for each life of a worker, with properties that systemd makes control groups of.</summary>
/// <param name="run">The program <c>systemd-run</c>; null: systemd does not run here, or lets us have no scopes.</param>
/// <param name="isOfUser">Whether it is the systemd of a user.</param>
/// <param name="tries">
/// Starts a scope with such words, which ends at once, and returns whether systemd has taken that: a container in which it does not rule, a user
/// whose systemd has no controllers, or an old version refuse what they are asked only then.
/// </param>
/// <param name="isOfVersion1">Whether it limits disks by control groups of version 1.</param>
/// <param name="groupOf">The folder of the group in version 2 that a process is in; null: it is in none. Default null: none ever is.</param>
internal sealed class SystemdScope(
    string? run, bool isOfUser, Func<IReadOnlyList<string>, bool> tries, bool isOfVersion1 = false, Func<int, string?>? groupOf = null) : IMeans
{
    private const string Harmless = "/bin/true";

    /// <summary>As it is on this computer.</summary>
    public static SystemdScope Find(ControlGroups groups)
    {
        var isOfUser = !Environment.IsPrivilegedProcess;
        var canAsk = Directory.Exists("/run/systemd/system") && (!isOfUser || Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 });
        var run = canAsk ? Programs.Find("systemd-run") : null;
        return new SystemdScope(run, isOfUser, words => Programs.Run(run!, words).IsDone, groups.Controllers.ContainsKey("blkio"),
            process => ControlGroups.Of(FormattableString.Invariant($"{process}")).Unified);
    }

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits)
    {
        var offers = new List<WorkerLimitInfo>();
        if (run is null) return offers;
        if (limits.MaxRam is { } megabytes && Takes(Memory(megabytes)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxRam), megabytes, LimitEnforcement.Full, "systemd scope (MemoryMax)"));
        if (limits.MaxCpu is { } percent && Takes(Processor(percent)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxCpu), percent, LimitEnforcement.Full, "systemd scope (CPUQuota)"));
        // A user's own systemd is in general not given the controller for that.
        if (limits.MaxDiskIo is { } megabits && !isOfUser && Takes(Disk(megabits)))
        {
            var by = "systemd scope (IOReadBandwidthMax, IOWriteBandwidthMax)";
            offers.Add(isOfVersion1
                ? new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Partly, $"{by}: {Disks.NotTheCache}")
                : new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Full, by));
        }
        return offers;
    }

    private bool Takes(string[] properties) => tries([.. Scope("Pampa tries what it may promise"), .. properties, "--", Harmless]);

    private string[] Scope(string description) =>
        ["--scope", "--quiet", "--collect", .. isOfUser ? ["--user"] : Array.Empty<string>(), $"--description={description}"];

    private static string[] Memory(int megabytes) => ["-p", FormattableString.Invariant($"MemoryMax={megabytes}M"), "-p", "MemorySwapMax=0"];

    private static string[] Processor(int percent) => ["-p", FormattableString.Invariant($"CPUQuota={percent}%")];

    private static string[] Disk(int megabits) =>
    [
        "-p", FormattableString.Invariant($"IOReadBandwidthMax=/ {Disks.BytesPerSecond(megabits)}"),
        "-p", FormattableString.Invariant($"IOWriteBandwidthMax=/ {Disks.BytesPerSecond(megabits)}"),
    ];

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        if (run is null) throw new IOException("systemd is not there any more.");
        life.Wrapper.AddRange([run, .. Scope($"Pampa worker {life.Worker}")]);
        if (limits.MaxRam is { } megabytes)
        {
            life.Wrapper.AddRange(Memory(megabytes));
            MemoryKills? kills = null;
            life.AtBegin(process => kills = groupOf?.Invoke(process) is { } group ? MemoryKills.From(group) : null);
            life.OverMemoryIf(() => kills?.HaveGrown() == true);
        }
        if (limits.MaxCpu is { } percent) life.Wrapper.AddRange(Processor(percent));
        if (limits.MaxDiskIo is { } megabits) life.Wrapper.AddRange(Disk(megabits));
        life.Wrapper.Add("--");
    }

    public void CleanUp()
    {
        // A scope ends with its last process.
    }
}
