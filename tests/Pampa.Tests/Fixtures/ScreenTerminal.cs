using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pampa.Tests.Fixtures;

/// <summary>As much of a terminal as the live display needs: what a person would see after all that was written to it.</summary>
internal sealed partial class ScreenTerminal(int width, int height) : StringWriter
{
    /// <summary>A row, and whether it goes on in the next one because it was too long.</summary>
    private sealed record Row(StringBuilder Text)
    {
        public bool IsBroken { get; set; }
    }

    private List<Row> rows = [new(new())];
    private int row;
    private int column;

    public override Encoding Encoding => Encoding.UTF8;

    public bool IsCursorHidden { get; private set; }

    /// <summary>The rows from the first that was ever written; trailing blanks are cut.</summary>
    public IReadOnlyList<string> Lines => [.. rows.Select(r => r.Text.ToString().TrimEnd())];

    public string Text => string.Join('\n', Lines).TrimEnd();

    // The keypad's modes, which .NET sets, change nothing that can be seen.
    [GeneratedRegex("\\G\e(?:\\[([?0-9;]*)([A-Za-z])|[=>])")]
    private static partial Regex Sequence { get; }

    public override void Write(string? value)
    {
        for (var i = 0; value is not null && i < value.Length; i++)
        {
            if (value[i] == '\e')
            {
                var match = Sequence.Match(value, i);
                Assert.True(match.Success, "An escape without a sequence has reached the terminal.");
                Obey(match.Groups[1].Value, match.Groups[2].Value);
                i += match.Length - 1;
            }
            else Put(value[i]);
        }
    }

    /// <summary>Makes it narrower or wider, as most do: what was broken is broken anew, and the cursor stays at its letter.</summary>
    public void Resize(int newWidth)
    {
        var old = rows;
        var (oldRow, oldColumn) = (row, column);
        (rows, width) = ([], newWidth);
        for (var i = 0; i < old.Count; i++)
        {
            var line = new StringBuilder();
            var cursor = -1;
            for (var isFirst = true; isFirst || old[i - 1].IsBroken; isFirst = false, i++)
            {
                if (i == oldRow) cursor = line.Length + oldColumn;
                line.Append(old[i].Text);
            }
            i--;
            var first = rows.Count;
            for (var at = 0; at == 0 || at < line.Length; at += width)
                rows.Add(new(new(line.ToString(at, Math.Min(width, line.Length - at)))) { IsBroken = at + width < line.Length });
            if (cursor >= 0) (row, column) = (first + Math.Min(cursor / width, rows.Count - first - 1), cursor % width);
        }
    }

    private void Obey(string argument, string command)
    {
        switch (command)
        {
            case "A": row -= int.Parse(argument, CultureInfo.InvariantCulture); break;
            case "K": Cut(rows[row]); break;
            case "J":
                Cut(rows[row]);
                rows.RemoveRange(row + 1, rows.Count - row - 1);
                break;
            case "h" or "l" when argument == "?25": IsCursorHidden = command == "l"; break;
            case "h" or "l" when argument is "?2026" or "?1": break;
            case "m" or "": break;
            default: Assert.Fail($"The terminal does not know {argument}{command}."); break;
        }
        Assert.True(row >= Math.Max(0, rows.Count - height), "The cursor has left the screen: those lines have scrolled away.");
    }

    private void Cut(Row line)
    {
        line.Text.Length = Math.Min(line.Text.Length, column);
        line.IsBroken = false;
    }

    private void Put(char c)
    {
        switch (c)
        {
            case '\r': column = 0; return;
            case '\n': Down(); return;
        }
        Assert.False(char.IsControl(c), $"The control character {(int)c:X2} has reached the terminal.");
        if (column == width)
        {
            rows[row].IsBroken = true;
            Down();
        }
        var line = rows[row].Text;
        if (line.Length < column) line.Append(' ', column - line.Length);
        if (column < line.Length) line[column] = c;
        else line.Append(c);
        column++;
    }

    private void Down()
    {
        column = 0;
        if (++row == rows.Count) rows.Add(new(new()));
    }
}
