using System.Globalization;

namespace Pampa.Commands.Confining;

/// <summary>Control groups of version 1: a tree for each controller, below this process's own groups.</summary>
/// <param name="groups">Where it stands.</param>
/// <param name="name">The node's name among groups.</param>
/// <param name="disks">The disks that there are now, as <c>major:minor</c>: one may come and go while the node runs.</param>
internal sealed class CgroupV1(ControlGroups groups, string name, Func<IReadOnlyList<string>> disks) : IMeans
{
    private const int Period = 100_000;
    private readonly Dictionary<string, GroupFolder> folders = new(StringComparer.Ordinal);

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits)
    {
        var offers = new List<WorkerLimitInfo>();
        if (limits.MaxRam is { } megabytes && Takes("memory", own => LimitMemory(own, megabytes)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxRam), megabytes, LimitEnforcement.Full, "cgroup v1 (memory.limit_in_bytes)"));
        if (limits.MaxCpu is { } percent && Takes("cpu", own => LimitProcessor(own, percent)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxCpu), percent, LimitEnforcement.Full, "cgroup v1 (cpu.cfs_quota_us)"));
        // This version has a tree for each controller, so the one of disks cannot know whose memory it writes back.
        if (limits.MaxDiskIo is { } megabits && disks().Count > 0 && Takes("blkio", own => LimitDisks(own, megabits)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Partly, $"cgroup v1 (blkio.throttle): {Disks.NotTheCache}"));
        return offers;
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        if (limits.MaxRam is { } megabytes)
        {
            var own = Make("memory", life);
            LimitMemory(own, megabytes);
            life.OverMemoryIf(() => GroupFolder.Number($"{own}/memory.oom_control", "oom_kill") > 0);
        }
        if (limits.MaxCpu is { } percent) LimitProcessor(Make("cpu", life), percent);
        if (limits.MaxDiskIo is { } megabits) LimitDisks(Make("blkio", life), megabits);
    }

    private static void LimitMemory(string own, int megabytes)
    {
        var bytes = (megabytes * 1024L * 1024).ToString(CultureInfo.InvariantCulture);
        GroupFolder.Write($"{own}/memory.limit_in_bytes", bytes);
        // Swap as well, where the kernel counts it.
        if (File.Exists($"{own}/memory.memsw.limit_in_bytes")) GroupFolder.Write($"{own}/memory.memsw.limit_in_bytes", bytes);
    }

    private static void LimitProcessor(string own, int percent)
    {
        GroupFolder.Write($"{own}/cpu.cfs_period_us", Period.ToString(CultureInfo.InvariantCulture));
        GroupFolder.Write($"{own}/cpu.cfs_quota_us", (percent * (Period / 100L)).ToString(CultureInfo.InvariantCulture));
    }

    private void LimitDisks(string own, int megabits)
    {
        var rate = Disks.BytesPerSecond(megabits).ToString(CultureInfo.InvariantCulture);
        Disks.Limit(disks, disk =>
        {
            GroupFolder.Write($"{own}/blkio.throttle.read_bps_device", $"{disk} {rate}");
            GroupFolder.Write($"{own}/blkio.throttle.write_bps_device", $"{disk} {rate}");
        });
    }

    private bool Takes(string controller, Action<string> limit) => Find(controller)?.Takes(limit) == true;

    private string Make(string controller, ConfinedLife life) =>
        (Find(controller) ?? throw new IOException($"The control group of '{controller}' is not there any more.")).Make(life);

    private GroupFolder? Find(string controller)
    {
        if (!groups.Controllers.TryGetValue(controller, out var own)) return null;
        if (!folders.TryGetValue(controller, out var folder)) folders[controller] = folder = new GroupFolder($"{own}/{name}");
        return folder.TryMake(out _) ? folder : null;
    }

    public void CleanUp()
    {
        foreach (var (_, own) in groups.Controllers.Where(c => c.Key is "memory" or "cpu" or "blkio")) new GroupFolder($"{own}/{name}").CleanUp();
    }
}
