using System.Diagnostics;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>The spans of attempts. Whoever listens to them is the program's own code: what it throws is no reason to lose a task.</summary>
internal sealed partial class TaskRunner
{
    private readonly Telling untraced = new(time);

    // Where nobody listens this is all that it costs.
    private Activity? BeginSpan(Lane lane, StartedTask task) => Instruments.Source.HasListeners() ? BeginSpan(lane, [task], isBatch: false) : null;

    private Activity? BeginSpan(Lane lane, IReadOnlyList<StartedTask> batch) =>
        Instruments.Source.HasListeners() ? BeginSpan(lane, batch, isBatch: true) : null;

    private Activity? BeginSpan(Lane lane, IReadOnlyList<StartedTask> tasks, bool isBatch)
    {
        try
        {
            return TaskSpan.Begin(lane, tasks, isBatch);
        }
        catch (Exception e)
        {
            // Half begun, it would never end.
            Activity.Current = null;
            TellUntraced(e);
            return null;
        }
    }

    private void EndSpan(Activity? span, string outcome, TaskResult? result, Exception? error)
    {
        if (span is null) return;
        try
        {
            TaskSpan.End(span, outcome, result, error);
        }
        catch (Exception e)
        {
            TellUntraced(e);
        }
    }

    /// <summary>Tells within the span of a batch what came of one of its records.</summary>
    private void TellSpan(Activity? span, Lane lane, TaskResult result)
    {
        if (span is null) return;
        try
        {
            TaskSpan.Tell(span, lane, result);
        }
        catch (Exception e)
        {
            TellUntraced(e);
        }
    }

    private void TellUntraced(Exception error)
    {
        if (untraced.IsDue(out var unsaid)) Log.NotTraced(log, unsaid, ErrorText.Of(error));
    }
}
