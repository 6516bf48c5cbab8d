using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>
/// The log of whoever uses Pampa. What it throws, as where the disk of its file is full, must not end a loop, lose a task, or keep somebody
/// waiting for ever: it is said once, on the standard error, and everything goes on.
/// </summary>
/// <param name="inner">The log.</param>
/// <param name="errors">Where that is said.</param>
internal sealed class SafeLogs(ILoggerFactory inner, TextWriter errors) : ILoggerFactory
{
    private const int MostText = 500;
    private int isTold;

    /// <summary>Makes a log safe, unless it is.</summary>
    public static ILoggerFactory Of(ILoggerFactory logs) => logs is SafeLogs or NullLoggerFactory ? logs : new SafeLogs(logs, Console.Error);

    public ILogger CreateLogger(string categoryName) => new Logger(this, inner.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    // Whoever has made it uses it elsewhere.
    public void Dispose()
    {
    }

    private void Tell(Exception error)
    {
        if (Interlocked.Exchange(ref isTold, 1) != 0) return;
        // What comes of several providers says nothing by itself.
        var cause = error is AggregateException { InnerException: { } first } ? first : error;
        var text = $"The log throws {cause.GetType().Name}: what Pampa tells it may be lost, and everything else goes on; it is told once: {cause.Message}";
        try
        {
            errors.WriteLine(ErrorText.Sanitise(text.ReplaceLineEndings(" "), MostText));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Nobody is left to be told.
        }
    }

    private sealed class Logger(SafeLogs logs, ILogger log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull
        {
            try
            {
                return log.BeginScope(state);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logs.Tell(e);
                return null;
            }
        }

        public bool IsEnabled(LogLevel logLevel)
        {
            try
            {
                return log.IsEnabled(logLevel);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logs.Tell(e);
                return false;
            }
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            try
            {
                log.Log(logLevel, eventId, state, exception, formatter);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logs.Tell(e);
            }
        }
    }
}
