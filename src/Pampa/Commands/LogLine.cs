using System.Globalization;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>How the log looks: <c>12:34:56 warn: Pampa[202] …</c>, one line an entry.</summary>
internal static class LogLine
{
    public static string Of(DateTimeOffset at, LogLevel level, string text, bool hasColors, LineEnd? end = null)
    {
        var (name, color) = Look(level);
        var reset = color.Length > 0 ? "\e[0m" : "";
        var time = at.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        if (!hasColors) return $"{time} {name}: {Printable.Line(text + end?.Text)}";
        var last = end is null ? "" : $"{end.Color}{Printable.Line(end.Text)}\e[0m";
        return $"{time} {color}{name}{reset}: {Printable.Line(text)}{last}";
    }

    /// <summary>For a file, which is read on other days and by programs: <c>2026-11-24 15:47:14 info: Pampa[200] …</c></summary>
    public static string Dated(DateTimeOffset at, LogLevel level, string text) => Dated(at, $"{Look(level).Name}: {text}");

    /// <summary>The same for what has no level: a line that the program says.</summary>
    public static string Dated(DateTimeOffset at, string text) =>
        $"{at.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} {Printable.Line(text)}";

    private static (string Name, string Color) Look(LogLevel level) => level switch
    {
        LogLevel.Trace => ("trce", ""),
        LogLevel.Debug => ("dbug", ""),
        LogLevel.Information => ("info", "\e[32m"),
        LogLevel.Warning => ("warn", "\e[33m"),
        LogLevel.Error => ("fail", "\e[31m"),
        _ => ("crit", "\e[1;31m"),
    };
}

/// <summary>What stands at the end of a line and says how it went, in a colour for whoever sees colours.</summary>
internal sealed record LineEnd(string Text, string Color)
{
    public static LineEnd? Of(StepEvent step) => step.Outcome switch
    {
        StepOutcome.Begun => null,
        StepOutcome.Done => new($" {step.Ending}", "\e[32m"),
        StepOutcome.Failed => new($" {step.Ending}", "\e[31m"),
        _ => new($" {step.Ending}", "\e[33m"),
    };
}

/// <summary>
/// Makes lines of the log of this process: whose each is, and indented as deep as the steps it stands in.
/// </summary>
/// <param name="write">Takes a line; must not wait.</param>
/// <param name="time">The clock.</param>
internal sealed class LineLog(Action<DateTimeOffset, LogLevel, string, LineEnd?> write, TimeProvider time) : ILoggerProvider, ISupportExternalScope
{
    private readonly Action<DateTimeOffset, LogLevel, string, LineEnd?> write = write;
    private readonly TimeProvider time = time;
    private IExternalScopeProvider? scopes;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => scopes = scopeProvider;

    public void Dispose()
    {
    }

    private string Head(string category, EventId id, StepEvent? step)
    {
        var whose = new string?[1];
        scopes?.ForEachScope(static (scope, found) => found[0] = scope is TaskScope ? scope.ToString() : found[0], whose);
        if (whose[0] is { } task) return $"{task}: ";
        // What has no number is the program's own.
        return id.Id == 0 || step is not null ? $"{category}: " : string.Create(CultureInfo.InvariantCulture, $"{category}[{id.Id}] ");
    }

    private sealed class Logger(LineLog lines, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => lines.scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var step = state as StepEvent;
            if (step is null) StepLog.Current?.Show();
            var depth = Math.Min(step?.Depth ?? StepLog.DepthHere, Limits.StepDepth);
            var text = $"{lines.Head(category, eventId, step)}{new string(' ', 2 * depth)}{step?.Beginning ?? formatter(state, exception)}";
            if (exception is not null) text = $"{text} {ErrorText.Whole(exception)}";
            lines.write(lines.time.GetLocalNow(), logLevel, text.ReplaceLineEndings(" "), step is null ? null : LineEnd.Of(step));
        }
    }
}
