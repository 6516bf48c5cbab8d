using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Pampa.Serving;

/// <summary>
/// The log of a dashboard that is a program of its own: what the dashboard says of trouble, a line each. What the framework says of itself is
/// nobody's business there.
/// </summary>
/// <param name="output">Where to; the program's standard error.</param>
/// <param name="time">The clock.</param>
internal sealed class Complaints(TextWriter output, TimeProvider time) : ILoggerProvider
{
    private readonly TextWriter output = TextWriter.Synchronized(output);
    private readonly TimeProvider time = time;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    /// <summary>The text in one line, with what a terminal would obey written as <c>\u001B</c>: some of it comes from records.</summary>
    internal static string Line(string text)
    {
        var line = new StringBuilder(text.Length + 16);
        foreach (var c in text.ReplaceLineEndings(" "))
        {
            var isSeen = c == ' ' || char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator);
            if (isSeen) line.Append(c);
            else line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
        }
        return line.ToString();
    }

    private sealed class Logger(Complaints all, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => category == Serving.Log.Category && logLevel is >= LogLevel.Warning and < LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var at = all.time.GetLocalNow().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            var level = logLevel == LogLevel.Warning ? "warn" : "fail";
            var error = exception is null ? "" : $": {exception}";
            all.output.WriteLine(Line($"{at} {level}: {category}[{eventId.Id}] {formatter(state, exception)}{error}"));
        }
    }
}
