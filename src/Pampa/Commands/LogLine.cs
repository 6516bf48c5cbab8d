using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>How the log looks: <c>12:34:56 warn: Pampa[202] …</c>, one line an entry.</summary>
internal static class LogLine
{
    public static string Of(DateTimeOffset at, LogLevel level, string text, bool hasColors)
    {
        var (name, color) = Look(level);
        var reset = color.Length > 0 ? "\e[0m" : "";
        var time = at.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        return hasColors ? $"{time} {color}{name}{reset}: {Printable.Line(text)}" : $"{time} {name}: {Printable.Line(text)}";
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

/// <summary>Makes lines of the log of this process.</summary>
/// <param name="write">Takes a line; must not wait.</param>
/// <param name="time">The clock.</param>
internal sealed class LineLog(Action<DateTimeOffset, LogLevel, string> write, TimeProvider time) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, write, time);

    public void Dispose()
    {
    }

    private sealed class Logger(string category, Action<DateTimeOffset, LogLevel, string> write, TimeProvider time) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{category}[{eventId.Id}] {formatter(state, exception)}");
            if (exception is not null) text = $"{text} {exception}";
            write(time.GetLocalNow(), logLevel, text.ReplaceLineEndings(" "));
        }
    }
}
