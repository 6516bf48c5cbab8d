using System.Diagnostics;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// The span of an attempt, or of a batch: the handler runs within it. It begins a trace of its own and is linked to the one in which the
/// record was inserted: records lie for hours, and a trace that grows for days is of no use to anybody.
/// </summary>
internal static class TaskSpan
{
    // As many as collectors take.
    private const int MaxLinks = 128;
    private const int MaxText = 500;
    private const string KeyTag = "pampa.task.key";
    private const string AttemptTag = "pampa.task.attempt";

    /// <summary>Begins one; null: nobody wants this one.</summary>
    public static Activity? Begin(Lane lane, IReadOnlyList<StartedTask> tasks, bool isBatch)
    {
        // Neither where the program was started nor what a former task has left open is what this one is a part of.
        Activity.Current = null;
        var fence = tasks[0].Fence;
        var tags = new ActivityTagsCollection { lane.Load.Meter.Job, lane.Load.Meter.Node, new("pampa.worker", fence.Worker) };
        // As the conventions of OpenTelemetry have it, by which viewers know what they see.
        tags["messaging.system"] = "pampa";
        tags["messaging.operation.name"] = "process";
        tags["messaging.operation.type"] = "process";
        tags["messaging.destination.name"] = lane.Job.Name;
        if (isBatch) tags["messaging.batch.message_count"] = tags["pampa.batch.size"] = tasks.Count;
        else
        {
            foreach (var (name, value) in Of(lane, fence)) tags[name] = value;
        }
        return Instruments.Source.StartActivity($"process {lane.Job.Name}", ActivityKind.Consumer, default(ActivityContext), tags, Links(lane, tasks, isBatch));
    }

    // One for each record, also where several were inserted in one trace: of a batch it tells which record it is.
    private static List<ActivityLink>? Links(Lane lane, IReadOnlyList<StartedTask> tasks, bool isBatch)
    {
        if (tasks[0].Table.TraceParent is null) return null;
        var links = new List<ActivityLink>();
        foreach (var task in tasks)
        {
            if (links.Count == MaxLinks) break;
            if (Inserted(task) is { } context) links.Add(new ActivityLink(context, isBatch ? Of(lane, task.Fence) : null));
        }
        return links;
    }

    private static ActivityTagsCollection Of(Lane lane, Fence fence) => new()
    {
        { KeyTag, ErrorText.Sanitise(lane.Store.Database.Dialect.Display(fence.Key), MaxText) }, { AttemptTag, fence.Attempt },
    };

    // Whatever else somebody has written there is no business of the task's.
    private static ActivityContext? Inserted(StartedTask task) => task.Table.TraceParent is { } column && task.Values[column] is string text
        && ActivityContext.TryParse(text.Trim(), traceState: null, isRemote: true, out var context) ? context : null;

    /// <summary>Tells what came of one record of a batch, where it is not that it is completed.</summary>
    public static void Tell(Activity span, Lane lane, TaskResult result)
    {
        if (result.Outcome == Outcome.Completed || span.Events.Take(MaxLinks).Count() == MaxLinks) return;
        var tags = Of(lane, result.Fence);
        tags[Instruments.OutcomeTag] = Counters.Word(result.Outcome, Verdict.Accepted);
        if (result.Error is { } error) tags["exception.message"] = ErrorText.Sanitise(error, MaxText);
        span.AddEvent(new ActivityEvent("pampa.task", default, tags));
    }

    /// <summary>Ends it.</summary>
    /// <param name="span">The span.</param>
    /// <param name="outcome">What came of the attempt.</param>
    /// <param name="result">The same as it goes to the table; null: of a batch each task has its own.</param>
    /// <param name="error">What the handler has thrown; null: nothing.</param>
    public static void End(Activity span, string outcome, TaskResult? result, Exception? error)
    {
        span.SetTag(Instruments.OutcomeTag, outcome);
        if (result is null ? error is not null : result.Outcome is Outcome.Again or Outcome.Failed)
        {
            span.SetStatus(ActivityStatusCode.Error, ErrorText.Sanitise(result?.Error ?? ErrorText.Of(error!), MaxText));
            if (error is not null) span.SetTag("error.type", error.GetType().FullName).AddException(error);
        }
        span.Dispose();
    }
}
