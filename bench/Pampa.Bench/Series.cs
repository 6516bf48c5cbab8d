using System.Globalization;

namespace Pampa.Bench;

/// <summary>The same measure of several runs.</summary>
internal sealed record Series(double Middle, double Min, double Max)
{
    /// <summary>Null where a run does not have the measure.</summary>
    public static Series? Of(IEnumerable<double?> values)
    {
        var all = values.ToList();
        if (all.Count == 0 || all.Exists(v => v is null)) return null;
        var known = all.ConvertAll(v => v!.Value);
        return new Series(Median(known), known.Min(), known.Max());
    }

    public static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        var middle = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Median, and from where to where the values reach.</summary>
    public string Text(string format)
    {
        string Number(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return Min < Max ? $"{Number(Middle)} ({Number(Min)}..{Number(Max)})" : Number(Middle);
    }
}
