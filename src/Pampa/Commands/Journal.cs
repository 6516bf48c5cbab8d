using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>
/// What a process that works says: to whoever looks on and, where one was asked for, to a file. Numbers that change every
/// second are for the display alone.
/// </summary>
internal sealed class Journal : IAsyncDisposable
{
    private readonly TimeProvider time;
    private LogFile? file;

    public Journal(Display display, TimeProvider time)
    {
        this.time = time;
        Display = display;
        Output = new LineWriter(line => Say(display.Output, line));
        Errors = new LineWriter(line => Say(display.Errors, line));
    }

    public Display Display { get; }

    /// <summary>For what the program has to say.</summary>
    public TextWriter Output { get; }

    /// <summary>For what is wrong.</summary>
    public TextWriter Errors { get; }

    /// <summary>Keeps everything that is said from now on in a file, too.</summary>
    /// <exception cref="PampaConfigurationException">The file cannot be opened.</exception>
    public void Open(string path) => file = LogFile.Open(path, Display.Tell, time);

    /// <summary>A line of the log; never waits.</summary>
    public void Log(DateTimeOffset at, LogLevel level, string text, LineEnd? end = null)
    {
        Display.Log(at, level, text, end);
        file?.Write(LogLine.Dated(at, level, text + end?.Text));
    }

    /// <summary>A line for whoever looks on, among those of the log; never waits.</summary>
    public void Tell(string line)
    {
        Display.Tell(line);
        file?.Write(LogLine.Dated(time.GetLocalNow(), line));
    }

    /// <summary>A line for the file alone.</summary>
    public void Note(LogLevel level, string text) => file?.Write(LogLine.Dated(time.GetLocalNow(), level, text.ReplaceLineEndings(" ")));

    private void Say(TextWriter writer, string line)
    {
        file?.Write(LogLine.Dated(time.GetLocalNow(), line));
        writer.WriteLine(line);
    }

    /// <summary>Writes what the file still has to get.</summary>
    public async ValueTask DisposeAsync()
    {
        if (file is null) return;
        await file.DisposeAsync();
        if (file.Lost == 0) return;
        try
        {
            await Display.Errors.WriteLineAsync(FormattableString.Invariant($"The log file {file.Path} lacks {file.Lost:N0} lines that could not be written."));
        }
        catch (IOException)
        {
            // The disk that is full has the console's output, too.
        }
    }
}
