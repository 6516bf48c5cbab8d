using System.Globalization;

namespace Pampa.Commands.Confining;

/// <summary>
/// What a worker sends: its control group (net_cls) marks its packets, and the way out of the computer has a class with a rate for each
/// mark. Whoever has no mark is not slowed down.
/// </summary>
/// <param name="folder">The node's folder among the groups that mark; null: there are none.</param>
/// <param name="device">The way out; null: it is not known.</param>
/// <param name="runAsTc">Runs <c>tc</c> with these words and returns whether that went well, and what it said; null: it is not there.</param>
internal sealed class TrafficControl(string? folder, string? device, Func<IReadOnlyList<string>, (bool IsDone, string Said)>? runAsTc) : IMeans
{
    /// <summary>What it takes, for people.</summary>
    public const string Needs = "it takes root, tc, control groups of the controller net_cls, the kernel's classifier by control group (cls_cgroup), and a device for the default route that has no queueing of its own";

    /// <summary>The handle by which ours is told from what others have set up.</summary>
    private const int Handle = 0x7061;

    private const string None = "00000000";

    private readonly GroupFolder? group = folder is null ? null : new GroupFolder(folder);
    private readonly Lock gate = new();
    private readonly HashSet<int> classes = [];
    private bool isOpen;

    public static TrafficControl Find(ControlGroups groups, string name) => new(
        groups.Controllers.TryGetValue("net_cls", out var own) ? $"{own}/{name}" : null, DefaultDevice(),
        Programs.Find("tc") is { } tc ? words => Programs.Run(tc, words) : null);

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits) =>
        limits.MaxNetIo is { } megabits && group is not null && device is not null && runAsTc is not null && group.TryMake(out _) && (isOpen |= Open())
            ? [new WorkerLimitInfo(nameof(WorkerLimits.MaxNetIo), megabits, LimitEnforcement.Partly, $"tc (htb, net_cls): what leaves by {device} only")] : [];

    private bool Open()
    {
        var root = FormattableString.Invariant($"{Handle:x}:");
        var (isThere, said) = Tc("qdisc", "show", "dev", device!);
        if (!isThere) return false;
        // Another node of this computer may have made it; then it is for both, once it is whole.
        var isOthers = said.Contains($"htb {root} root", StringComparison.Ordinal);
        if (isOthers && Tc("filter", "show", "dev", device!, "parent", root) is { IsDone: true } filters && filters.Said.Contains(" cgroup", StringComparison.Ordinal)) return true;
        if (!isOthers && !Tc("qdisc", "add", "dev", device!, "root", "handle", root, "htb").IsDone) return false;
        if (Tc("filter", "add", "dev", device!, "parent", root, "protocol", "all", "prio", "1", "handle", "1:", "cgroup").IsDone) return true;
        if (!isOthers) Tc("qdisc", "del", "dev", device!, "root", "handle", root);
        return false;
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        var number = NumberOf(life.Worker);
        var minor = number.ToString("x", CultureInfo.InvariantCulture);
        var rate = FormattableString.Invariant($"{limits.MaxNetIo}mbit");
        if (Tc("class", "replace", "dev", device!, "parent", $"{Handle:x}:", "classid", $"{Handle:x}:{minor}", "htb", "rate", rate, "ceil", rate) is { IsDone: false } no)
            throw new IOException($"tc does not take the limit of {rate} for worker '{life.Worker}' on {device}: {no.Said.ReplaceLineEndings(" ").Trim()}");
        lock (gate) classes.Add(number);
        GroupFolder.Write($"{group!.Make(life)}/net_cls.classid", FormattableString.Invariant($"{((long)Handle << 16) + number}"));
    }

    // The same for each life of a worker, and hardly ever that of another one.
    private int NumberOf(string worker)
    {
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{folder}/{worker}"));
        return 1 + BitConverter.ToUInt16(hash) % 0xFFFE;
    }

    public void CleanUp()
    {
        if (device is not null && runAsTc is not null && isOpen)
        {
            lock (gate)
            {
                foreach (var number in classes) Tc("class", "del", "dev", device, "classid", FormattableString.Invariant($"{Handle:x}:{number:x}"));
                classes.Clear();
            }
            // Where another node has classes still, it stays.
            if (Tc("class", "show", "dev", device) is { IsDone: true } left && !left.Said.Contains(FormattableString.Invariant($"htb {Handle:x}:"), StringComparison.Ordinal))
                Tc("qdisc", "del", "dev", device, "root", "handle", FormattableString.Invariant($"{Handle:x}:"));
            isOpen = false;
        }
        group?.CleanUp();
    }

    private (bool IsDone, string Said) Tc(params string[] words) => runAsTc!(words);

    /// <summary>The device of the default route; null: there is none.</summary>
    private static string? DefaultDevice()
    {
        try
        {
            return DefaultDevice(File.ReadLines("/proc/net/route"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The same from the kernel's list of routes.</summary>
    /// <param name="lines">Device, destination, gateway, flags, references, uses, metric, mask and more of each, after a line of titles.</param>
    public static string? DefaultDevice(IEnumerable<string> lines) => lines.Skip(1).Select(line => line.Split('\t'))
        // All that begins with zeros goes there where the mask says how many; and of several ways the one with the lowest metric.
        .Where(cells => cells.Length > 7 && cells[1] == None && cells[7] == None)
        .MinBy(cells => long.TryParse(cells[6], NumberStyles.None, CultureInfo.InvariantCulture, out var metric) ? metric : long.MaxValue)?[0];
}
