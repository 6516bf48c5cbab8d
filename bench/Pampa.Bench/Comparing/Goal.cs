using System.Globalization;

namespace Pampa.Bench.Comparing;

/// <summary>What is asked of a figure.</summary>
/// <param name="What">The figure.</param>
/// <param name="Must">What it must reach.</param>
/// <param name="Aim">What is aimed at.</param>
/// <param name="IsLess">Whether less is better.</param>
internal sealed record Goal(string What, double Must, double Aim, bool IsLess = false)
{
    /// <summary>Says how a figure stands to it; a line that begins with <c>!</c> says that it misses what it must reach.</summary>
    public string Judge(Series? figure)
    {
        if (figure is null) return $"  {What}: not to be seen here";
        var isKept = Reaches(figure.Middle, Must);
        var verdict = Reaches(figure.Middle, Aim) ? "reaches its aim" : isKept ? "kept" : "MISSED";
        var order = IsLess ? "at most" : "at least";
        return string.Create(CultureInfo.InvariantCulture,
            $"{(isKept ? " " : "!")} {What}: {figure.Text(Must < 10 ? "N2" : "N0")}, must be {order} {Must:0.##}, aim {Aim:0.##}: {verdict}");
    }

    private bool Reaches(double figure, double limit) => IsLess ? figure <= limit : figure >= limit;
}
