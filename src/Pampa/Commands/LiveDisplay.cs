using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>
/// One table in its place on a terminal, and above it, in order, everything that this process says: its log, its own
/// lines, and what handlers write to the console.
/// </summary>
internal sealed class LiveDisplay : Display
{
    private readonly Lock gate = new();
    private readonly LiveRegion region = new();
    private readonly LiveTable table;
    private readonly Terminal terminal;
    private readonly TextWriter screen;
    private readonly TextWriter consoleErrors;
    private readonly Func<(int Width, int Height)> measure;
    private readonly TimeProvider time;
    private readonly long began;
    private readonly LineWriter output;
    private readonly LineWriter? errors;
    private (int Width, int Height) size;
    private bool isOver;

    /// <summary>Takes the console over.</summary>
    /// <param name="terminal">What it can do.</param>
    /// <param name="screen">Where the table goes.</param>
    /// <param name="errors">Where errors and the log go, unless that is the same terminal.</param>
    /// <param name="measure">How large it is now.</param>
    /// <param name="time">The clock.</param>
    public LiveDisplay(Terminal terminal, TextWriter screen, TextWriter? errors, Func<(int Width, int Height)> measure, TimeProvider time)
    {
        this.time = time;
        began = time.GetTimestamp();
        this.terminal = terminal;
        this.screen = screen;
        this.measure = measure;
        size = measure();
        table = new LiveTable(terminal);
        output = new LineWriter(line => Write([line]));
        this.errors = errors is null ? new LineWriter(line => Write([line])) : null;
        consoleErrors = errors ?? this.errors!;
    }

    public override TextWriter Output => output;

    public override TextWriter Errors => consoleErrors;

    public override TimeSpan Interval => TimeSpan.FromMilliseconds(250);

    public override TimeSpan SpeedWindow => TimeSpan.FromSeconds(3);

    public override void Show(IReadOnlyList<ProgressRow> rows)
    {
        var (width, height) = Measure();
        var lines = table.Draw(Title, rows, time.GetElapsedTime(began), width, height);
        lock (gate)
        {
            if (!isOver) Send(region.Update([], lines, width));
        }
    }

    /// <summary>
    /// Looks how large the terminal is. In no lock of this class: the console's own may be taken for it, by whose holders
    /// this class is called.
    /// </summary>
    public (int Width, int Height) Measure()
    {
        var now = measure();
        lock (gate) return size = now;
    }

    private void Write(IReadOnlyList<string> lines)
    {
        lock (gate) Send(region.Insert(lines, size.Width));
    }

    private void Send(string text)
    {
        if (text.Length == 0) return;
        try
        {
            screen.Write(text);
            screen.Flush();
        }
        catch (IOException)
        {
            // The terminal is gone; the work that was shown on it goes on all the same.
        }
    }

    /// <summary>Leaves the table where it is; it is shown anew below whatever others have written.</summary>
    public void BeginAnew()
    {
        lock (gate) region.Forget();
    }

    /// <summary>Takes the table away for good, in the middle of whatever is done.</summary>
    public void Abort() => Close();

    protected override void Close()
    {
        output.GiveRest();
        errors?.GiveRest();
        lock (gate)
        {
            isOver = true;
            Send(region.Close(size.Width));
        }
    }

    protected override string Format(DateTimeOffset at, LogLevel level, string text, LineEnd? end) =>
        LogLine.Of(at, level, text, hasColors: errors is not null && terminal.Colors != ColorSystem.NoColors, end);

    protected override void WriteLog(IReadOnlyList<string> lines)
    {
        if (errors is not null) Write(lines);
        else foreach (var line in lines) consoleErrors.WriteLine(line);
    }
}
