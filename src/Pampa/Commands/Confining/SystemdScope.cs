namespace Pampa.Commands.Confining;

/// <summary>A scope of systemd for each life of a worker, with properties that systemd makes control groups of.</summary>
/// <param name="run">The program <c>systemd-run</c>; null: systemd does not run here, or lets us have no scopes.</param>
/// <param name="isOfUser">Whether it is the systemd of a user.</param>
/// <param name="isOfVersion1">Whether it limits disks by control groups of version 1.</param>
internal sealed class SystemdScope(string? run, bool isOfUser, bool isOfVersion1 = false) : IMeans
{
    /// <summary>As it is on this computer.</summary>
    public static SystemdScope Find(ControlGroups groups)
    {
        var isOfUser = !Environment.IsPrivilegedProcess;
        var canAsk = Directory.Exists("/run/systemd/system") && (!isOfUser || Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 });
        return new SystemdScope(canAsk ? Programs.Find("systemd-run") : null, isOfUser, groups.Controllers.ContainsKey("blkio"));
    }

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits)
    {
        var offers = new List<WorkerLimitInfo>();
        if (run is null) return offers;
        if (limits.MaxRam is { } megabytes) offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxRam), megabytes, LimitEnforcement.Full, "systemd scope (MemoryMax)"));
        if (limits.MaxCpu is { } percent) offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxCpu), percent, LimitEnforcement.Full, "systemd scope (CPUQuota)"));
        // A user's own systemd is in general not given the controller for that.
        if (limits.MaxDiskIo is { } megabits && !isOfUser)
        {
            var by = "systemd scope (IOReadBandwidthMax, IOWriteBandwidthMax)";
            offers.Add(isOfVersion1
                ? new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Partly, $"{by}: {Disks.NotTheCache}")
                : new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Full, by));
        }
        return offers;
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        if (run is null) throw new IOException("systemd is not there any more.");
        life.Wrapper.AddRange([run, "--scope", "--quiet", "--collect", .. isOfUser ? ["--user"] : Array.Empty<string>(), $"--description=Pampa worker {life.Worker}"]);
        if (limits.MaxRam is { } megabytes)
        {
            life.Wrapper.AddRange(["-p", FormattableString.Invariant($"MemoryMax={megabytes}M"), "-p", "MemorySwapMax=0"]);
            // The scope is gone when the process is, and its numbers with it. Who else kills a worker is hardly anybody.
            life.OverMemoryIf(() => true);
        }
        if (limits.MaxCpu is { } percent) life.Wrapper.AddRange(["-p", FormattableString.Invariant($"CPUQuota={percent}%")]);
        if (limits.MaxDiskIo is { } megabits)
        {
            life.Wrapper.AddRange(["-p", FormattableString.Invariant($"IOReadBandwidthMax=/ {Disks.BytesPerSecond(megabits)}"),
                "-p", FormattableString.Invariant($"IOWriteBandwidthMax=/ {Disks.BytesPerSecond(megabits)}")]);
        }
        life.Wrapper.Add("--");
    }

    public void CleanUp()
    {
        // A scope ends with its last process.
    }
}
