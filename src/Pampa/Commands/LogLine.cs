using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Pampa.Commands;

/// <summary>How the log looks: <c>12:34:56 warn: Pampa[202] …</c>, one line an entry.</summary>
internal static class LogLine
{
    public static string Of(DateTimeOffset at, LogLevel level, string text, bool hasColors)
    {
        var (name, color) = level switch
        {
            LogLevel.Trace => ("trce", ""),
            LogLevel.Debug => ("dbug", ""),
            LogLevel.Information => ("info", "\e[32m"),
            LogLevel.Warning => ("warn", "\e[33m"),
            LogLevel.Error => ("fail", "\e[31m"),
            _ => ("crit", "\e[1;31m"),
        };
        var reset = color.Length > 0 ? "\e[0m" : "";
        var time = at.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        return hasColors ? $"{time} {color}{name}{reset}: {Printable.Line(text)}" : $"{time} {name}: {Printable.Line(text)}";
    }
}

/// <summary>Sends the log of this process to its display.</summary>
internal sealed class DisplayLog(Display display, TimeProvider time) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, display, time);

    public void Dispose()
    {
    }

    private sealed class Logger(string category, Display display, TimeProvider time) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{category}[{eventId.Id}] {formatter(state, exception)}");
            if (exception is not null) text = $"{text} {exception}";
            display.Log(time.GetLocalNow(), logLevel, text.ReplaceLineEndings(" "));
        }
    }
}
