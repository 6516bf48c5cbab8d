using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>An entry of the log, with what it stands in.</summary>
internal sealed record LogEntry(DateTimeOffset At, LogLevel Level, string Category, EventId Id, string Message, Exception? Error)
{
    /// <summary>What loggers call a message before its values are put in.</summary>
    public const string Form = "{OriginalFormat}";

    /// <summary>Whose it is; null: no task's.</summary>
    public TaskScope? Task { get; init; }

    /// <summary>The steps that it stands in, the outermost first.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>Of a step that begins or ends.</summary>
    public StepEvent? Step { get; init; }

    /// <summary>The values of its message, and those of scopes around it.</summary>
    public IReadOnlyDictionary<string, object?> Fields { get; init; } = new Dictionary<string, object?>();
}

/// <summary>Makes objects of the log of this process, one a line.</summary>
/// <param name="write">Takes a line; must not wait.</param>
/// <param name="time">The clock.</param>
internal sealed class JsonLog(Action<string> write, TimeProvider time) : ILoggerProvider, ISupportExternalScope
{
    private readonly Action<string> write = write;
    private readonly TimeProvider time = time;
    private IExternalScopeProvider? scopes;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => scopes = scopeProvider;

    public void Dispose()
    {
    }

    /// <summary>What an entry stands in.</summary>
    private sealed class Around
    {
        public TaskScope? Task { get; private set; }

        public List<string> Steps { get; } = [];

        public Dictionary<string, object?> Fields { get; } = new(StringComparer.Ordinal);

        public void Add(object? scope)
        {
            if (scope is TaskScope task) Task = task;
            else if (scope is StepScope step) Steps.Add(step.ToString());
            else Fill(scope);
        }

        // The inner ones say it better.
        public void Fill(object? values)
        {
            if (values is not IEnumerable<KeyValuePair<string, object?>> pairs) return;
            foreach (var (name, value) in pairs)
            {
                if (name != LogEntry.Form) Fields[name] = value;
            }
        }
    }

    private sealed class Logger(JsonLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => log.scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var around = new Around();
            log.scopes?.ForEachScope(static (scope, found) => found.Add(scope), around);
            var step = state as StepEvent;
            if (step is null) around.Fill(state);
            log.write(JsonLine.Of(new LogEntry(log.time.GetUtcNow(), logLevel, category, eventId, formatter(state, exception), exception)
            {
                Task = around.Task,
                // One that is told of late has others within it.
                Steps = step is null ? around.Steps : [.. around.Steps.Take(step.Depth)],
                Step = step,
                Fields = around.Fields,
            }));
        }
    }
}
