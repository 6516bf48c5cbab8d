using System.Text.RegularExpressions;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;

namespace Pampa.Commands;

/// <summary>
/// A file for the log, which is capped in size and rolled. Its lines go through a queue: a disk that is full or stands
/// still costs lines of the log, never work.
/// </summary>
internal sealed class LogFile : IAsyncDisposable
{
    /// <summary>Of one file; the next one begins then.</summary>
    public const long LargestFile = 10 * 1024 * 1024;

    /// <summary>As many files are kept, with the one that is written to.</summary>
    public const int Files = 5;

    private const int LongestQueue = 10_000;
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan CutEvery = TimeSpan.FromSeconds(5);
    private readonly Channel<string> lines = Channel.CreateBounded<string>(new BoundedChannelOptions(LongestQueue) { SingleReader = true });
    private readonly Action<string> tell;
    private readonly TimeProvider time;
    private readonly LogFormat format;
    private readonly Logger file;
    private readonly Task writing;
    private readonly ITimer? cutting;
    private long leftOut;
    private long lost;
    private int isTold;
    private volatile bool isGivenUp;

    /// <summary>Begins to write; see <see cref="Open"/>, which looks first whether that is possible.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tell">Told once, if the file cannot be written; must not wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="format">How its own lines look; default: plain.</param>
    /// <param name="largestFile">In bytes.</param>
    internal LogFile(string path, Action<string> tell, TimeProvider time, LogFormat? format = null, long largestFile = LargestFile)
    {
        this.format = format ?? LogFormat.Plain;
        this.tell = tell;
        this.time = time;
        Path = path;
        file = new LoggerConfiguration().MinimumLevel.Verbose().WriteTo.Fallible(
            to => to.File(new Whole(), path, fileSizeLimitBytes: largestFile, rollOnFileSizeLimit: true, retainedFileCountLimit: Files, shared: false),
            new Listener(this)).CreateLogger();
        writing = Task.Run(WriteAsync);
        var errors = ErrorOutput.Find(System.IO.Path.GetDirectoryName(path) ?? path);
        cutting = errors is null ? null : time.CreateTimer(_ => errors.Cut(), null, TimeSpan.Zero, CutEvery);
        // A second signal, or the exception of some thread, ends the process: what was said before it is wanted most.
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        AppDomain.CurrentDomain.UnhandledException += OnUnhandled;
    }

    public string Path { get; }

    /// <summary>Lines that could not be written.</summary>
    public long Lost => Interlocked.Read(ref lost);

    /// <summary>Whether it is <c>yes</c> or <c>no</c> and no path.</summary>
    public static bool IsWord(string log) => log.Equals("yes", StringComparison.OrdinalIgnoreCase) || log.Equals("no", StringComparison.OrdinalIgnoreCase);

    /// <summary>Which file is meant; null: none.</summary>
    /// <param name="log"><c>yes</c>, <c>no</c>, a file or a folder; null: nothing was said.</param>
    /// <param name="name">The file's name where no other is given.</param>
    public static string? PathOf(string? log, string name)
    {
        if (log is null || string.Equals(log, "no", StringComparison.OrdinalIgnoreCase)) return null;
        if (string.Equals(log, "yes", StringComparison.OrdinalIgnoreCase)) log = ".";
        return System.IO.Path.GetFullPath(System.IO.Path.EndsInDirectorySeparator(log) || Directory.Exists(log) ? System.IO.Path.Combine(log, name) : log);
    }

    /// <summary>Opens the file, or says why that is not possible.</summary>
    /// <exception cref="PampaConfigurationException">It cannot be written.</exception>
    public static LogFile Open(string path, Action<string> tell, TimeProvider time, LogFormat? format = null)
    {
        try
        {
            if (IsDevice(path)) throw new IOException("it is a device");
            CheckIsOfText(path);
            // One that another process writes to is refused. Where sharing is a matter of locks that processes take of their
            // own will, all who write share one, so that only somebody who wants the file for himself meets it.
            var sharing = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None;
            using var _ = new FileStream(Newest(path), FileMode.Append, FileAccess.Write, sharing);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new PampaConfigurationException(
                [$"--log: the log file {path} cannot be opened: {e.Message.TrimEnd('.')}. Name a file, in a folder that is there, that this user may write to and no other process does, with --log PATH; or say --log no."]);
        }
        return new LogFile(path, tell, time, format);
    }

    // To open a pipe for writing alone would wait for its reader. And whoever names his database by mistake still needs it.
    private static void CheckIsOfText(string path)
    {
        // What a link leads to need not be there yet.
        if (!File.Exists(path) || (File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: false })) return;
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (!file.CanSeek) throw new IOException("it is no file but a pipe");
        Span<byte> head = stackalloc byte[16];
        if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.StartsWith("SQLite format 3"u8))
            throw new IOException("it is a SQLite database");
    }

    // Files beside it are made and removed, which is nothing to do among devices.
    private static bool IsDevice(string path)
    {
        var target = File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } link ? link.FullName : path;
        return ((string[])[path, target]).Any(p => p.StartsWith("/dev/", StringComparison.Ordinal) && !p.StartsWith("/dev/shm/", StringComparison.Ordinal));
    }

    // The files are numbered from the second on, and the last one is gone on with.
    private static string Newest(string path)
    {
        var (stem, ending) = (System.IO.Path.GetFileNameWithoutExtension(path), System.IO.Path.GetExtension(path));
        var folder = System.IO.Path.GetDirectoryName(path) ?? path;
        var numbered = new Regex($"^{Regex.Escape(stem)}_([0-9]{{3,9}}){Regex.Escape(ending)}$", RegexOptions.CultureInvariant);
        return Directory.EnumerateFiles(folder, $"{stem}_*{ending}").Select(f => (File: f, Match: numbered.Match(System.IO.Path.GetFileName(f))))
            .Where(f => f.Match.Success).OrderByDescending(f => int.Parse(f.Match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))
            .Select(f => f.File).FirstOrDefault() ?? path;
    }

    /// <summary>Takes a line; never waits.</summary>
    public void Write(string line)
    {
        if (lines.Writer.TryWrite(line)) return;
        Interlocked.Increment(ref leftOut);
        Interlocked.Increment(ref lost);
    }

    private async Task WriteAsync()
    {
        await foreach (var line in lines.Reader.ReadAllAsync())
        {
            if (isGivenUp) break;
            Emit(line);
            if (Interlocked.Exchange(ref leftOut, 0) is > 0 and var missing)
                Emit(format.Kept(FormattableString.Invariant($"… {missing:N0} lines were left out: they came faster than they could be written"), time.GetLocalNow()));
        }
        try
        {
            await file.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Failed(0, e.Message);
        }
    }

    // The line is no template: what stands in braces stays as it is.
    private void Emit(string line) =>
        file.Write(new LogEvent(DateTimeOffset.UnixEpoch, LogEventLevel.Information, null, new MessageTemplate(line, []), []));

    private void Failed(int count, string why)
    {
        Interlocked.Add(ref lost, count);
        if (Interlocked.Exchange(ref isTold, 1) == 0)
            tell($"The log file {Path} cannot be written: {why.ReplaceLineEndings(" ").TrimEnd('.')}. Work goes on; what the file lacks is told at the end.");
    }

    private void OnUnhandled(object sender, UnhandledExceptionEventArgs e)
    {
        Write(format.Kept($"Unhandled exception: {e.ExceptionObject}".ReplaceLineEndings(" "), time.GetLocalNow(), LogLevel.Critical));
        OnExit(sender, e);
    }

    private void OnExit(object? sender, EventArgs e)
    {
        lines.Writer.TryComplete();
        writing.Wait(LastWords);
    }

    /// <summary>Writes what is left; not for ever.</summary>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandled;
        if (cutting is not null) await cutting.DisposeAsync();
        lines.Writer.TryComplete();
        await writing.WaitAsync(LastLines, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (writing.IsCompleted) return;
        isGivenUp = true;
        Interlocked.Add(ref lost, lines.Reader.Count);
    }

    /// <summary>A line is written as it is.</summary>
    private sealed class Whole : ITextFormatter
    {
        public void Format(LogEvent logEvent, TextWriter output) => output.WriteLine(logEvent.MessageTemplate.Text);
    }

    private sealed class Listener(LogFile log) : ILoggingFailureListener
    {
        public void OnLoggingFailed(
            object sender, LoggingFailureKind kind, string message, IReadOnlyCollection<LogEvent>? events, Exception? exception) =>
            log.Failed(events?.Count ?? 0, exception?.Message ?? message);
    }
}
