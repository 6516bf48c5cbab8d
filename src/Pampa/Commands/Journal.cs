using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>
/// What a process that works says: to whoever looks on and, where one was asked for, to a file. Numbers that change every
/// second are for the display alone.
/// </summary>
internal sealed class Journal : IAsyncDisposable
{
    private readonly TimeProvider time;
    private readonly LogFormat format;
    private LogFile? file;

    public Journal(Display display, TimeProvider time, LogFormat? format = null)
    {
        this.time = time;
        this.format = format ?? LogFormat.Plain;
        Display = display;
        Output = new LineWriter(line => Say(display.Output, line, LogLevel.Information));
        Errors = new LineWriter(line => Say(display.Errors, line, LogLevel.Error));
    }

    public Display Display { get; }

    /// <summary>For what the program has to say.</summary>
    public TextWriter Output { get; }

    /// <summary>For what is wrong.</summary>
    public TextWriter Errors { get; }

    /// <summary>Keeps everything that is said from now on in a file, too.</summary>
    /// <exception cref="PampaConfigurationException">The file cannot be opened.</exception>
    public void Open(string path) => file = LogFile.Open(path, line => Display.Tell(format.Shown(line, time.GetLocalNow(), LogLevel.Warning)), time, format);

    /// <summary>What makes lines of the log.</summary>
    public ILoggerProvider Provider() => format.IsJson ? new JsonLog(Log, time) : new LineLog(Log, time);

    /// <summary>A line of the log; never waits.</summary>
    public void Log(DateTimeOffset at, LogLevel level, string text, LineEnd? end = null)
    {
        Display.Log(at, level, text, end);
        file?.Write(LogLine.Dated(at, level, text + end?.Text));
    }

    private void Log(string line)
    {
        Display.Tell(line);
        file?.Write(line);
    }

    /// <summary>A line for whoever looks on, among those of the log; never waits.</summary>
    public void Tell(string line)
    {
        Display.Tell(format.Shown(line, time.GetLocalNow()));
        file?.Write(format.Kept(line, time.GetLocalNow()));
    }

    /// <summary>A line for the file alone.</summary>
    public void Note(LogLevel level, string text) => file?.Write(format.Kept(text.ReplaceLineEndings(" "), time.GetLocalNow(), level));

    private void Say(TextWriter writer, string line, LogLevel level)
    {
        // A blank line is a pause for the eye.
        if (format.IsJson && string.IsNullOrWhiteSpace(line)) return;
        file?.Write(format.Kept(line, time.GetLocalNow(), format.IsJson ? level : null));
        writer.WriteLine(format.Shown(line, time.GetLocalNow(), level));
    }

    /// <summary>Writes what the file still has to get.</summary>
    public async ValueTask DisposeAsync()
    {
        if (file is null) return;
        await file.DisposeAsync();
        if (file.Lost == 0) return;
        try
        {
            var missing = FormattableString.Invariant($"The log file {file.Path} lacks {file.Lost:N0} lines that could not be written.");
            await Display.Errors.WriteLineAsync(format.Shown(missing, time.GetLocalNow(), LogLevel.Warning));
        }
        catch (IOException)
        {
            // The disk that is full has the console's output, too.
        }
    }
}
