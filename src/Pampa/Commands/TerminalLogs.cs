using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>
/// Writes what is logged above the table that is drawn in place. Control characters, which may come from a record, never
/// reach the terminal.
/// </summary>
internal sealed class TerminalLogs(IAnsiConsole console, TimeProvider time) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(console, time, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(IAnsiConsole console, TimeProvider time, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var (word, colour) = logLevel switch
            {
                LogLevel.Information => ("info", Color.Green),
                LogLevel.Warning => ("warn", Color.Yellow),
                LogLevel.Error => ("fail", Color.Red),
                _ => ("crit", Color.Red),
            };
            var text = formatter(state, exception) + (exception is null ? "" : $" {exception}");
            var line = new Paragraph($"{time.GetLocalNow():HH:mm:ss} ").Append(word, new Style(colour)).Append($": {category}[{eventId.Id}] {Harmless(text)}");
            console.Write(line.Append("\n"));
        }
    }

    /// <summary>One line without a character that a terminal would obey.</summary>
    public static string Harmless(string text) => string.Create(text.Length, text, static (to, from) =>
    {
        for (var i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) ? (from[i] is '\n' or '\r' or '\t' ? ' ' : '\uFFFD') : from[i];
    });
}
