using System.Text;

namespace Pampa.Commands;

/// <summary>A line of the region, and how many cells of the terminal it takes.</summary>
internal sealed record LiveLine(string Text, int Cells);

/// <summary>
/// The lower rows of a terminal that are written anew in their place: what it takes to replace them, and to put lines
/// above them. Knows only what it has written, so it works on any terminal that obeys four control sequences. Between
/// two writes the cursor stands at the beginning of the last row: what the terminal echoes there, the <c>^C</c> of CTRL+C
/// first of all, moves nothing and is written over.
/// </summary>
internal sealed class LiveRegion
{
    private const string Begin = "\e[?2026h";
    private const string End = "\e[?2026l";
    private const string HideCursor = "\e[?25l";
    private const string ShowCursor = "\e[?25h";
    private const string ClearLine = "\e[K";
    private const string ClearBelow = "\e[J";
    private IReadOnlyList<LiveLine> shown = [];
    private int shownWidth;

    public bool IsOpen { get; private set; }

    /// <summary>What to write so that these lines stand above the region and these in it.</summary>
    /// <param name="above">Lines that scroll away; of any length.</param>
    /// <param name="lines">The region's lines, each shorter than the width.</param>
    /// <param name="width">The terminal's width now.</param>
    public string Update(IReadOnlyList<string> above, IReadOnlyList<LiveLine> lines, int width)
    {
        if (IsOpen && above.Count == 0 && width == shownWidth && lines.SequenceEqual(shown)) return "";
        var text = new StringBuilder(Begin);
        if (!IsOpen) text.Append(HideCursor);
        var overwrites = IsOpen && above.Count == 0 && width == shownWidth;
        Home(text, width);
        if (!overwrites) text.Append(ClearBelow);
        foreach (var line in above) text.Append(line).Append('\n');
        for (var i = 0; i < lines.Count; i++)
        {
            if (i > 0) text.Append('\n');
            text.Append(lines[i].Text);
            if (overwrites) text.Append(ClearLine);
        }
        if (overwrites && lines.Count < shown.Count) text.Append(ClearBelow);
        (IsOpen, shown, shownWidth) = (true, lines, width);
        return text.Append('\r').Append(End).ToString();
    }

    /// <summary>
    /// What to write so that these lines stand above a region that stays as it is; or is empty until it is updated, if
    /// the terminal has become too narrow for it.
    /// </summary>
    public string Insert(IReadOnlyList<string> above, int width) => IsOpen
        ? Update(above, shown.Any(line => line.Cells >= width) ? [] : shown, width)
        : string.Concat(above.Select(line => $"{line}\n"));

    /// <summary>What to write so that the region is gone and the cursor stands in its place, seen as before.</summary>
    public string Close(int width)
    {
        if (!IsOpen) return "";
        var text = new StringBuilder(Begin);
        Home(text, width);
        (IsOpen, shown) = (false, []);
        return text.Append(ClearBelow).Append(ShowCursor).Append(End).ToString();
    }

    /// <summary>Nothing is known any more of where the cursor is: the region begins anew there.</summary>
    public void Forget() => (IsOpen, shown) = (false, []);

    // To the region's first row. A terminal that has become narrower has broken the lines that no longer fit; its cursor
    // stays at the beginning of the last of them.
    private void Home(StringBuilder text, int width)
    {
        if (!IsOpen) return;
        var above = shown.SkipLast(1).Sum(line => Math.Max(1, (line.Cells + width - 1) / width));
        text.Append('\r');
        if (above > 0) text.Append("\e[").Append(above).Append('A');
    }
}
