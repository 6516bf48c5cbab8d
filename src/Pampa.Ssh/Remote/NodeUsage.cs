namespace Pampa.Ssh.Remote;

/// <summary>What of a node's computer is in use.</summary>
internal sealed record NodeUsage(
    long Cores, double BusyShare, double Load, long MemoryTotal, long MemoryUsed, long DiskTotal, long DiskFree, long? ProcessMemory, long Processes)
{
    private const long Kilo = 1024;

    public static NodeUsage Read(string text)
    {
        var answer = new Answer(text);
        var total = (answer.Number("MemTotal") ?? 0) * Kilo;
        _ = double.TryParse(answer.Text("load"), System.Globalization.CultureInfo.InvariantCulture, out var load);
        return new NodeUsage(
            answer.Number("cores") ?? 0, Busy(Times(answer.Text("before")), Times(answer.Text("after"))), load,
            total, total - ((answer.Number("MemAvailable") ?? 0) * Kilo), (answer.Number("disk") ?? 0) * Kilo, (answer.Number("free") ?? 0) * Kilo,
            answer.Number("pages") * (answer.Number("page") ?? 4096), answer.Number("processes") ?? 0);
    }

    private static long[] Times(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => long.TryParse(word, out var ticks) ? ticks : 0)];

    // The fourth and the fifth are what the processors have waited; guests, after the eighth, are counted among the users already.
    private static double Busy(long[] before, long[] after)
    {
        if (before.Length < 5 || after.Length < 5) return 0;
        var passed = after.Take(8).Sum() - before.Take(8).Sum();
        var idle = after[3] + after[4] - before[3] - before[4];
        return passed <= 0 ? 0 : Math.Clamp(1 - ((double)idle / passed), 0, 1);
    }
}
