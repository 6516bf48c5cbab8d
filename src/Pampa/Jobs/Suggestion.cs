namespace Pampa.Jobs;

/// <summary>"Did you mean": the nearest of the known names, if it is near enough to be a slip.</summary>
internal static class Suggestion
{
    public static string For(string name, IEnumerable<string> known) =>
        Nearest(name, known) is { } best ? $" (did you mean '{best}'?)" : "";

    public static string? Nearest(string name, IEnumerable<string> known)
    {
        var limit = Math.Max(1, name.Length / 3);
        return known.Select(k => (Name: k, Distance: Distance(name.ToUpperInvariant(), k.ToUpperInvariant())))
            .Where(k => k.Distance <= limit && k.Distance < name.Length).OrderBy(k => k.Distance).Select(k => k.Name).FirstOrDefault();
    }

    // Two letters that changed places are one slip, the most common of all.
    private static int Distance(string a, string b)
    {
        var before = new int[b.Length + 1];
        var last = Enumerable.Range(0, b.Length + 1).ToArray();
        var row = new int[b.Length + 1];
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(last[j] + 1, row[j - 1] + 1), last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = Math.Min(row[j], before[j - 2] + 1);
            }
            (before, last, row) = (last, row, before);
        }
        return last[b.Length];
    }
}
