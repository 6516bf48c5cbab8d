using System.Globalization;

namespace Pampa.Commands.Confining;

/// <summary>
/// Control groups of version 2: one tree, below this process's own group, which must be its own alone. A group with processes cannot
/// have groups with limits below it, so this process moves into one of them.
/// </summary>
/// <param name="groups">Where it stands.</param>
/// <param name="name">The node's name among groups.</param>
/// <param name="disks">The disks that there are now, as <c>major:minor</c>: one may come and go while the node runs.</param>
internal sealed class CgroupV2(ControlGroups groups, string name, Func<IReadOnlyList<string>> disks) : IMeans
{
    private const int Period = 100_000;
    private readonly GroupFolder folder = new($"{groups.Unified}/{name}");
    private HashSet<string>? controllers;

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits)
    {
        var offers = new List<WorkerLimitInfo>();
        controllers ??= Open();
        if (limits.MaxRam is { } megabytes && Takes("memory", own => LimitMemory(own, megabytes)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxRam), megabytes, LimitEnforcement.Full, "cgroup v2 (memory.max)"));
        if (limits.MaxCpu is { } percent && Takes("cpu", own => LimitProcessor(own, percent)))
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxCpu), percent, LimitEnforcement.Full, "cgroup v2 (cpu.max)"));
        if (limits.MaxDiskIo is not { } megabits || disks().Count == 0 || !Takes("io", own => LimitDisks(own, megabits))) return offers;
        // Whose pages are written back is known by the group whose memory they are, where the file system tells it (ext4, xfs, btrfs, f2fs do).
        offers.Add(controllers.Contains("memory")
            ? new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Full, "cgroup v2 (io.max)")
            : new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.Partly, $"cgroup v2 (io.max, without the memory controller): {Disks.NotTheCache}"));
        return offers;
    }

    private bool Takes(string controller, Action<string> limit) => controllers!.Contains(controller) && folder.Takes(limit);

    /// <summary>Takes the controllers over for groups below; those that it may have.</summary>
    private HashSet<string> Open()
    {
        var had = new HashSet<string>(StringComparer.Ordinal);
        if (groups.Unified is not { } own) return had;
        try
        {
            string[] wanted = [.. File.ReadAllText($"{own}/cgroup.controllers").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(c => c is "memory" or "cpu" or "io")];
            if (wanted.Length == 0) return had;
            var me = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            // The root of the whole tree may have processes and groups; it alone has no type.
            if (File.Exists($"{own}/cgroup.type"))
            {
                if (File.ReadLines($"{own}/cgroup.procs").Any(process => process != me)) return had;
                Directory.CreateDirectory($"{own}/{name}.supervisor");
                GroupFolder.Write($"{own}/{name}.supervisor/cgroup.procs", me);
            }
            Directory.CreateDirectory(folder.Path);
            foreach (var controller in wanted)
            {
                GroupFolder.Write($"{own}/cgroup.subtree_control", $"+{controller}");
                GroupFolder.Write($"{folder.Path}/cgroup.subtree_control", $"+{controller}");
                had.Add(controller);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not ours to change, or not for all of them: the rest falls to the next means.
        }
        return had;
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        var own = folder.Make(life);
        if (limits.MaxRam is { } megabytes)
        {
            LimitMemory(own, megabytes);
            life.OverMemoryIf(() => GroupFolder.Number($"{own}/memory.events", "oom_kill") > 0);
        }
        if (limits.MaxCpu is { } percent) LimitProcessor(own, percent);
        if (limits.MaxDiskIo is { } megabits) LimitDisks(own, megabits);
    }

    private static void LimitMemory(string own, int megabytes)
    {
        GroupFolder.Write($"{own}/memory.max", (megabytes * 1024L * 1024).ToString(CultureInfo.InvariantCulture));
        // What a worker has started dies with it.
        GroupFolder.Write($"{own}/memory.oom.group", "1");
        // Swap as well, where there is any.
        if (File.Exists($"{own}/memory.swap.max")) GroupFolder.Write($"{own}/memory.swap.max", "0");
    }

    private static void LimitProcessor(string own, int percent) =>
        GroupFolder.Write($"{own}/cpu.max", FormattableString.Invariant($"{percent * (Period / 100L)} {Period}"));

    private void LimitDisks(string own, int megabits)
    {
        var rate = Disks.BytesPerSecond(megabits);
        Disks.Limit(disks, disk => GroupFolder.Write($"{own}/io.max", FormattableString.Invariant($"{disk} rbps={rate} wbps={rate}")));
    }

    public void CleanUp()
    {
        if (groups.Unified is not null) folder.CleanUp();
    }
}
