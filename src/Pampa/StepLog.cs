using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa;

/// <summary>
/// A step of the log that has begun: <c>using var step = task.Log.Step("loading the page"); …; step.Done();</c> It is one
/// line, written when the step ends: <c>loading the page... done (0.3 s)</c>. Where something else is logged within it, or
/// it takes longer than a second, its begin is a line of its own before that, and its end still names it. Steps nest along
/// the flow of the code, awaits included; each level is indented.
/// </summary>
public sealed class StepLog : IDisposable
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly EventId Begins = new(120, "StepBegins");
    private static readonly EventId Ends = new(121, "StepEnds");
    private static readonly AsyncLocal<StepLog?> Flow = new();
    private readonly Lock gate = new();
    private readonly ILogger log;
    private readonly TimeProvider time;
    private readonly string name;
    private readonly int depth;
    private readonly StepLog? parent;
    private readonly long began;
    private readonly ITimer timer;
    private readonly IDisposable? scope;
    private bool isShown;
    private volatile bool isEnded;

    internal StepLog(ILogger log, string name, TimeProvider time)
    {
        this.log = log;
        this.time = time;
        this.name = name.ReplaceLineEndings(" ").TrimEnd('.', '…', ' ');
        parent = Current;
        depth = parent is null ? 0 : parent.depth + 1;
        began = time.GetTimestamp();
        timer = time.CreateTimer(static step => ((StepLog)step!).ShowLate(), this, Patience, Timeout.InfiniteTimeSpan);
        scope = log.BeginScope(new StepScope(this.name, depth));
        Flow.Value = this;
    }

    /// <summary>The innermost step that runs in this flow of the code; null where there is none.</summary>
    internal static StepLog? Current
    {
        get
        {
            // One may have ended in a flow that came from here.
            var step = Flow.Value;
            while (step is { isEnded: true }) step = step.parent;
            return step;
        }
    }

    /// <summary>How many steps a line stands in that is logged here.</summary>
    internal static int DepthHere => Current is { } step ? step.depth + 1 : 0;

    /// <summary>Ends the step: it has done what it is called. What is said after that does not count.</summary>
    /// <param name="result">What came of it, instead of <c>done</c>: <c>17 links</c>.</param>
    public void Done(string? result = null) => End(StepOutcome.Done, OneLine(result) ?? "done");

    /// <summary>Ends the step as failed, which is logged as a warning. What is said after that does not count.</summary>
    /// <param name="why">The reason, after the word <c>failed</c>.</param>
    public void Fail(string? why = null) => End(StepOutcome.Failed, OneLine(why) is { } reason ? $"failed: {reason}" : "failed");

    /// <summary>
    /// Ends the step if nobody has: as <c>not done</c>, which is logged as a warning. That is how one looks that an exception
    /// has left; the exception itself is told by whoever catches it.
    /// </summary>
    public void Dispose() => End(StepOutcome.NotDone, "not done");

    /// <summary>Writes that it has begun, if that is not written yet: another line is about to come.</summary>
    internal void Show()
    {
        parent?.Show();
        lock (gate)
        {
            if (isShown || isEnded) return;
            isShown = true;
            Write(LogLevel.Information, Begins, StepOutcome.Begun, "");
        }
    }

    private void ShowLate()
    {
        try
        {
            Show();
        }
        catch (Exception)
        {
            // On a thread of nobody's a logger that throws would end the process; the step's end meets it where it is called.
        }
    }

    private void End(StepOutcome outcome, string result)
    {
        if (isEnded) return;
        parent?.Show();
        lock (gate)
        {
            if (isEnded) return;
            isEnded = true;
            timer.Dispose();
            scope?.Dispose();
            if (Flow.Value == this) Flow.Value = parent;
            Write(outcome == StepOutcome.Done ? LogLevel.Information : LogLevel.Warning, Ends, outcome, result);
        }
    }

    private void Write(LogLevel level, EventId id, StepOutcome outcome, string result)
    {
        if (!log.IsEnabled(level)) return;
        log.Log(level, id, new StepEvent(name, depth, outcome, result, time.GetElapsedTime(began)), null, static (step, _) => step.ToString());
    }

    private static string? OneLine(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.ReplaceLineEndings(" ").Trim();
}
