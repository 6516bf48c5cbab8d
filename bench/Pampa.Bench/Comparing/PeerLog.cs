using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>What a process had done at a moment of the computer's monotonic clock.</summary>
/// <param name="At">The moment, in nanoseconds.</param>
/// <param name="Count">Tasks that had ended.</param>
/// <param name="Busy">Nanoseconds that handlers had taken.</param>
internal readonly record struct PeerPoint(long At, long Count, long Busy);

/// <summary>What a process tells of itself while it runs: see <c>Progress</c> and <c>peers/log.mjs</c>.</summary>
/// <param name="Points">What it had done, in the order of time.</param>
/// <param name="Begun">When the handler of a task began, by the task; the first time.</param>
/// <param name="Committed">When a task had been added.</param>
internal sealed record PeerLog(
    IReadOnlyList<PeerPoint> Points, IReadOnlyDictionary<long, long> Begun, IReadOnlyDictionary<long, long> Committed)
{
    public const double TicksPerSecond = 1e9;

    /// <summary>Tasks that had ended when the process wrote last.</summary>
    public long Count => Points.Count == 0 ? 0 : Points[^1].Count;

    /// <summary>Reads a file that may still be written to: a line without an end is not there yet.</summary>
    /// <exception cref="FormatException">A line is none of these.</exception>
    public static PeerLog Parse(string text)
    {
        var points = new List<PeerPoint>();
        var begun = new Dictionary<long, long>();
        var committed = new Dictionary<long, long>();
        foreach (var line in text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            switch (line.TrimEnd('\r').Split(' '))
            {
                case ["p", var at, var count, var busy]:
                    points.Add(new PeerPoint(Whole(at), Whole(count), Whole(busy)));
                    break;
                case ["s", var id, var at]:
                    begun.TryAdd(Whole(id), Whole(at));
                    break;
                case ["e", var id, var at]:
                    committed[Whole(id)] = Whole(at);
                    break;
                default:
                    throw new FormatException($"A process told '{line}': expected 'p TIME COUNT BUSY', 's TASK TIME' or 'e TASK TIME'.");
            }
        }
        return new PeerLog(points, begun, committed);
    }

    /// <summary>When so many tasks had ended.</summary>
    public double TimeOf(double count)
    {
        var after = Points.ToList().FindIndex(p => p.Count >= count);
        if (after <= 0) return after < 0 ? double.NaN : Points[0].At;
        var (before, then) = (Points[after - 1], Points[after]);
        return before.At + (count - before.Count) / (then.Count - before.Count) * (then.At - before.At);
    }

    /// <summary>Tasks that had ended at a moment: between two lines as if they had come evenly.</summary>
    public double CountAt(long at) => Between(at, p => p.Count);

    /// <summary>Seconds that handlers had taken.</summary>
    public double BusySecondsAt(long at) => Between(at, p => p.Busy) / TicksPerSecond;

    /// <summary>Tasks in each whole second from one moment to another.</summary>
    public IReadOnlyList<double> PerSecond(long from, long to)
    {
        var seconds = (int)((to - from) / TicksPerSecond);
        var counts = Enumerable.Range(0, seconds + 1).Select(s => CountAt(from + (long)(s * TicksPerSecond))).ToList();
        return [.. counts.Zip(counts.Skip(1), (before, after) => after - before)];
    }

    private double Between(long at, Func<PeerPoint, long> value)
    {
        if (Points.Count == 0 || at <= Points[0].At) return Points.Count == 0 ? 0 : value(Points[0]);
        var low = 0;
        var high = Points.Count - 1;
        if (at >= Points[high].At) return value(Points[high]);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (Points[middle].At <= at) low = middle;
            else high = middle;
        }
        var share = (double)(at - Points[low].At) / (Points[high].At - Points[low].At);
        return value(Points[low]) + share * (value(Points[high]) - value(Points[low]));
    }

    // A clock's or a counter's value; Node writes the handlers' time as a number that may have no fraction.
    private static long Whole(string text) => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
