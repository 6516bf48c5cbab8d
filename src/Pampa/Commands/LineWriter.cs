using System.Text;

namespace Pampa.Commands;

/// <summary>Gives on whole lines of what is written to it, so that nothing tears the table below them.</summary>
internal sealed class LineWriter(Action<string> write) : TextWriter
{
    /// <summary>A line that is longer is given on in pieces.</summary>
    public const int LongestLine = 16_384;
    private readonly Lock gate = new();
    private readonly StringBuilder line = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        lock (gate)
        {
            foreach (var c in buffer)
            {
                if (c == '\n') Give();
                else line.Append(c);
                if (line.Length >= LongestLine) Give();
            }
        }
    }

    public override void WriteLine(string? value) => Write($"{value}\n");

    /// <summary>Gives on what has no end yet.</summary>
    public void GiveRest()
    {
        lock (gate)
        {
            if (line.Length > 0) Give();
        }
    }

    private void Give()
    {
        if (line.Length > 0 && line[^1] == '\r') line.Length--;
        write(Printable.Line(line.ToString()));
        line.Clear();
    }
}
