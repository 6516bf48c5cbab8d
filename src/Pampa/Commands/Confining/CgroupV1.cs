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
        Add("memory", nameof(WorkerLimits.MaxRam), limits.MaxRam, LimitEnforcement.Full, "cgroup v1 (memory.limit_in_bytes)");
        Add("cpu", nameof(WorkerLimits.MaxCpu), limits.MaxCpu, LimitEnforcement.Full, "cgroup v1 (cpu.cfs_quota_us)");
        // This version has a tree for each controller, so the one of disks cannot know whose memory it writes back.
        if (disks().Count > 0)
            Add("blkio", nameof(WorkerLimits.MaxDiskIo), limits.MaxDiskIo, LimitEnforcement.Partly, $"cgroup v1 (blkio.throttle): {Disks.NotTheCache}");
        return offers;

        void Add(string controller, string limit, int? value, LimitEnforcement how, string by)
        {
            if (value is { } amount && Find(controller) is not null) offers.Add(new WorkerLimitInfo(limit, amount, how, by));
        }
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        if (limits.MaxRam is { } megabytes)
        {
            var bytes = (megabytes * 1024L * 1024).ToString(CultureInfo.InvariantCulture);
            var own = Make("memory", life, [("memory.limit_in_bytes", bytes)]);
            // Swap as well, where the kernel counts it.
            if (File.Exists($"{own}/memory.memsw.limit_in_bytes")) GroupFolder.Write($"{own}/memory.memsw.limit_in_bytes", bytes);
            life.OverMemoryIf(() => GroupFolder.Number($"{own}/memory.oom_control", "oom_kill") > 0);
        }
        if (limits.MaxCpu is { } percent)
        {
            var quota = (percent * (Period / 100L)).ToString(CultureInfo.InvariantCulture);
            Make("cpu", life, [("cpu.cfs_period_us", Period.ToString(CultureInfo.InvariantCulture)), ("cpu.cfs_quota_us", quota)]);
        }
        if (limits.MaxDiskIo is { } megabits)
        {
            var rate = Disks.BytesPerSecond(megabits).ToString(CultureInfo.InvariantCulture);
            var own = Make("blkio", life, []);
            Disks.Limit(disks, disk =>
            {
                GroupFolder.Write($"{own}/blkio.throttle.read_bps_device", $"{disk} {rate}");
                GroupFolder.Write($"{own}/blkio.throttle.write_bps_device", $"{disk} {rate}");
            });
        }
    }

    private string Make(string controller, ConfinedLife life, IReadOnlyList<(string, string)> limits) =>
        (Find(controller) ?? throw new IOException($"The control group of '{controller}' is not there any more.")).Make(life, limits);

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
