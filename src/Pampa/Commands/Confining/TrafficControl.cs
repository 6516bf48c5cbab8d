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
    private static readonly string Root = FormattableString.Invariant($"{Handle:x}:");

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
        var (isThere, said) = Tc("qdisc", "show", "dev", device!);
        if (!isThere) return false;
        // Another node of this computer may have made it; then it is for both, once it is whole.
        var wasThere = IsOurs(said);
        if (wasThere && HasFilter()) return true;
        if (!wasThere && !Tc("qdisc", "add", "dev", device!, "root", "handle", Root, "htb").IsDone) return false;
        if (Tc("filter", "add", "dev", device!, "parent", Root, "protocol", "all", "prio", "1", "handle", "1:", "cgroup").IsDone) return true;
        // That one may have come before.
        if (wasThere) return HasFilter();
        Tc("qdisc", "del", "dev", device!, "root", "handle", Root);
        return false;
    }

    private static bool IsOurs(string said) => said.Contains($"htb {Root} root", StringComparison.Ordinal);

    private bool HasFilter() => Tc("filter", "show", "dev", device!, "parent", Root) is { IsDone: true } filters && filters.Said.Contains(" cgroup", StringComparison.Ordinal);

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        var number = NumberOf(life.Worker);
        var rate = FormattableString.Invariant($"{limits.MaxNetIo}mbit");
        if (Replace(number, rate) is { IsDone: false } no)
            throw new IOException($"tc does not take the limit of {rate} for worker '{life.Worker}' on {device}: {no.Said.ReplaceLineEndings(" ").Trim()}");
        lock (gate) classes.Add(number);
        GroupFolder.Write($"{group!.Make(life)}/net_cls.classid", FormattableString.Invariant($"{((long)Handle << 16) + number}"));
    }

    // Another node may have ended just now, and taken away what it found no class in.
    private (bool IsDone, string Said) Replace(int number, string rate)
    {
        string[] words = ["class", "replace", "dev", device!, "parent", Root, "classid", FormattableString.Invariant($"{Root}{number:x}"), "htb", "rate", rate, "ceil", rate];
        var first = Tc(words);
        return first.IsDone || !Open() ? first : Tc(words);
    }

    // The same for each life of a worker, and hardly ever that of another one.
    private int NumberOf(string worker)
    {
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{folder}/{worker}"));
        return 1 + BitConverter.ToUInt16(hash) % 0xFFFE;
    }

    public void CleanUp()
    {
        // Without the folder no life was ever marked.
        if (group is null || !(isOpen || Directory.Exists(group.Path))) return;
        var gone = Take();
        group.CleanUp();
        if (device is null || runAsTc is null || !(isOpen || IsOurs(Tc("qdisc", "show", "dev", device).Said))) return;
        foreach (var number in gone) Tc("class", "del", "dev", device, "classid", FormattableString.Invariant($"{Root}{number:x}"));
        // Where another node has classes still, or a worker of this one has left a process, it stays.
        if (Tc("class", "show", "dev", device) is { IsDone: true } left && !left.Said.Contains($"htb {Root}", StringComparison.Ordinal))
            Tc("qdisc", "del", "dev", device, "root", "handle", Root);
        isOpen = false;
    }

    /// <summary>The classes of this node that nobody is in any more: its own, and those that a supervisor that was killed has left.</summary>
    private List<int> Take()
    {
        var living = new HashSet<int>();
        lock (gate)
        {
            foreach (var life in group!.Lives())
            {
                var text = GroupFolder.TryRead($"{life}/net_cls.classid");
                if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var mark) || mark >> 16 != Handle) continue;
                (GroupFolder.TryRead($"{life}/cgroup.procs") is { Length: > 0 } ? living : classes).Add((int)(mark & 0xFFFF));
            }
            classes.ExceptWith(living);
            var gone = classes.Order().ToList();
            classes.Clear();
            return gone;
        }
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
