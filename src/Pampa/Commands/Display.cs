using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>
/// Where <c>run</c> shows what it does: lines, or a table that stays in its place. The log's lines come through a queue,
/// so that no loop ever waits for a terminal that stands still.
/// </summary>
internal abstract class Display : IAsyncDisposable
{
    private const int LongestQueue = 2_500;
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(2);
    private readonly Channel<string> log = Channel.CreateBounded<string>(new BoundedChannelOptions(LongestQueue) { SingleReader = true });
    private readonly Task logging;
    private long leftOut;

    protected Display() => logging = Task.Run(WriteLogAsync);

    /// <summary>For what the program has to say.</summary>
    public abstract TextWriter Output { get; }

    /// <summary>For what is wrong.</summary>
    public abstract TextWriter Errors { get; }

    /// <summary>How often something is shown.</summary>
    public abstract TimeSpan Interval { get; }

    /// <summary>How far back the speed looks.</summary>
    public abstract TimeSpan SpeedWindow { get; }

    public abstract void Show(IReadOnlyList<ProgressRow> rows);

    /// <summary>What it is all about: the database.</summary>
    public string Title { get; set; } = "";

    /// <summary>Nothing more is shown; what is said from now on stands below.</summary>
    protected abstract void Close();

    /// <summary>A line of the log; never waits.</summary>
    public void Log(DateTimeOffset at, LogLevel level, string text, LineEnd? end = null) => Tell(Format(at, level, text, end));

    /// <summary>A line for whoever looks on, among those of the log; never waits.</summary>
    public void Tell(string line)
    {
        if (!log.Writer.TryWrite(line)) Interlocked.Increment(ref leftOut);
    }

    protected abstract string Format(DateTimeOffset at, LogLevel level, string text, LineEnd? end);

    /// <summary>A line of its own, as it looks here.</summary>
    protected virtual string Shown(string line) => line;

    /// <summary>Writes lines of the log.</summary>
    protected abstract void WriteLog(IReadOnlyList<string> lines);

    private async Task WriteLogAsync()
    {
        var lines = new List<string>();
        while (await log.Reader.WaitToReadAsync())
        {
            while (lines.Count < LongestQueue && log.Reader.TryRead(out var line)) lines.Add(line);
            if (Interlocked.Exchange(ref leftOut, 0) is > 0 and var missing)
                lines.Add(Shown(FormattableString.Invariant($"… {missing:N0} lines of the log were left out: they came faster than they could be shown")));
            WriteLog(lines);
            lines.Clear();
        }
    }

    /// <summary>Writes what the log still has; nothing more is shown after that.</summary>
    public async Task EndAsync()
    {
        log.Writer.TryComplete();
        await logging.WaitAsync(LastLines, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close();
    }

    public async ValueTask DisposeAsync() => await EndAsync();
}
