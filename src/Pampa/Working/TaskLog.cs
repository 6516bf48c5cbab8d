using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Working;

/// <summary>
/// What a handler logs: each entry says whose it is, and where the job wants it the last lines are kept for the text of a
/// failure.
/// </summary>
internal sealed class TaskLog(ILogger log, TaskScope scope, bool isKept) : ILogger
{
    /// <summary>As many lines are kept.</summary>
    public const int KeptLines = 20;

    /// <summary>Of each so much, in UTF-16 units.</summary>
    public const int KeptLine = 200;

    private readonly Queue<string> kept = new();

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => log.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel) || (isKept && logLevel != LogLevel.None);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var step = state as StepEvent;
        // What is kept has the lines in the order of the log.
        if (step is null && IsEnabled(logLevel)) StepLog.Current?.Show();
        using (log.BeginScope(scope)) log.Log(logLevel, eventId, state, exception, formatter);
        if (isKept) Keep(formatter(state, exception), step?.Depth ?? StepLog.DepthHere, exception);
    }

    private void Keep(string text, int depth, Exception? exception)
    {
        var cause = exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
        var line = $"{new string(' ', 2 * Math.Min(depth, Limits.StepDepth))}{text}{cause}".ReplaceLineEndings(" ");
        lock (kept)
        {
            kept.Enqueue(line.Length <= KeptLine ? line : $"{line.AsSpan(0, KeptLine - 1)}…");
            if (kept.Count > KeptLines) kept.Dequeue();
        }
    }

    /// <summary>The last lines, each after a line break; empty where none were logged.</summary>
    public string Kept
    {
        get
        {
            lock (kept) return string.Concat(kept.Select(line => $"\n  {line}"));
        }
    }
}
