using System.Globalization;

namespace Pampa.Commands.Confining;

/// <summary>What anybody may do to his own processes: a limit of their data, of the heap, of processors, and a low priority.</summary>
/// <param name="processors">The numbers of the processors that this process may use.</param>
/// <param name="find">Where a program is; null: it is not there.</param>
internal sealed class UserMeans(IReadOnlyList<int> processors, Func<string, string?> find) : IMeans
{
    private int next;

    public IReadOnlyList<WorkerLimitInfo> Offer(WorkerLimits limits)
    {
        var offers = new List<WorkerLimitInfo>();
        if (limits.MaxRam is { } megabytes)
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxRam), megabytes, LimitEnforcement.Partly, "the limit of data (ulimit -d): of each process singly, not what it shares or maps"));
        if (limits.MaxCpu is { } percent) offers.Add(OfProcessors(percent));
        if (limits.MaxDiskIo is { } megabits)
        {
            offers.Add(new WorkerLimitInfo(nameof(WorkerLimits.MaxDiskIo), megabits, LimitEnforcement.None,
                find("ionice") is null ? "no control groups that this user may write" : "no control groups that this user may write; only a low priority (ionice)"));
        }
        return offers;
    }

    private WorkerLimitInfo OfProcessors(int percent)
    {
        var (all, cores) = (processors.Count, Cores(percent));
        WorkerLimitInfo Of(LimitEnforcement how, string by) => new(nameof(WorkerLimits.MaxCpu), percent, how, by);
        if (percent >= 100 * all) return Of(LimitEnforcement.Full, FormattableString.Invariant($"the number of processors, which is {all}"));
        if (find("taskset") is null || cores == all) return Of(LimitEnforcement.None, "no control groups that this user may write; only a low priority (nice)");
        var by = FormattableString.Invariant($"affinity to {cores} of {all} processors (taskset)");
        return percent == 100 * cores ? Of(LimitEnforcement.Full, by) : Of(LimitEnforcement.Partly, FormattableString.Invariant($"{by}, so up to {100 * cores} %, with a low priority (nice)"));
    }

    public void Confine(ConfinedLife life, WorkerLimits limits)
    {
        if (limits.MaxRam is { } megabytes) life.DataKilobytes = megabytes * 1024L;
        if (limits.MaxCpu is { } percent)
        {
            var cores = Cores(percent);
            life.Variables["DOTNET_PROCESSOR_COUNT"] = cores.ToString(CultureInfo.InvariantCulture);
            if (find("nice") is { } nice) life.Wrapper.AddRange([nice, "-n", "10"]);
            if (find("taskset") is { } taskset && cores < processors.Count) life.Wrapper.AddRange([taskset, "-c", string.Join(',', Choose(cores))]);
        }
        if (limits.MaxDiskIo is not null && find("ionice") is { } ionice) life.Wrapper.AddRange([ionice, "-c", "2", "-n", "7"]);
    }

    private int Cores(int percent) => Math.Min((percent + 99) / 100, processors.Count);

    // One worker after the other, so that they do not all share the first processor.
    private IEnumerable<int> Choose(int cores)
    {
        var first = (int)((uint)Interlocked.Add(ref next, cores) % (uint)processors.Count);
        return Enumerable.Range(first, cores).Select(i => processors[i % processors.Count]).Order();
    }

    public void CleanUp()
    {
        // They end with their processes.
    }

    /// <summary>The processors that this process may use, as the kernel tells; where it does not, as many as the runtime sees.</summary>
    public static IReadOnlyList<int> Processors()
    {
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
            if (line is not null) return Read(line[(line.IndexOf(':') + 1)..].Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // Then the runtime's number must do.
        }
        return [.. Enumerable.Range(0, Environment.ProcessorCount)];
    }

    /// <summary>A list as the kernel writes it: <c>0-3,8</c>.</summary>
    public static IReadOnlyList<int> Read(string list) =>
    [
        .. list.Split(',').SelectMany(part => part.Split('-') is [var from, var to]
            ? Enumerable.Range(Number(from), Number(to) - Number(from) + 1) : [Number(part)]),
    ];

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
