namespace Pampa.Tests.Simulation;

/// <summary>
/// Jobs whose handlers take several tasks at once: of some they say what came of them, of some they say nothing, and now and then they throw in the middle.
/// </summary>
internal sealed partial class Handlers
{
    private sealed record Drawn(BatchTask Task, LedgerAttempt Attempt, HandlerEnd End, string? Note);

    public async ValueTask RunBatchAsync(JobPlan job, IReadOnlyList<BatchTask> tasks)
    {
        var process = world.Current!;
        var worker = tasks[0].Worker;
        var all = tasks.Select(task => Begin(job, task, process)).ToList();
        process.Busy.Add(worker);
        if (world.Draw(world.Chances.Long)) await world.HoldAsync(process, Hold.Handler);
        process.Busy.Remove(worker);
        var isCancelled = tasks[0].CancellationToken.IsCancellationRequested;
        var isHeeded = isCancelled && world.Random.Next(4) > 0;
        var stumbles = isHeeded || world.Random.Next(4) == 0;
        // From here on nothing is said.
        var at = stumbles ? world.Random.Next(all.Count) : all.Count;
        foreach (var (i, one) in all.Index())
        {
            one.Attempt.WasCancelled = isCancelled;
            if (i < at) End(job, one, mustSay: stumbles);
            else if (isCancelled || all.Count == 1) one.Attempt.End = HandlerEnd.Failed;
            else world.Ledger.CallAgain(job, one.Attempt, one.Task.Started.Fence);
            if (one.Attempt.IsCalled) process.Ended[job.Name] = process.Ended.GetValueOrDefault(job.Name) + 1;
        }
        if (isHeeded) throw new OperationCanceledException();
        if (stumbles) throw new InvalidOperationException("stumbles as it was drawn");
    }

    private Drawn Begin(JobPlan job, BatchTask task, SimulatedProcess process)
    {
        LedgerAttempt? attempt = null;
        world.Guard(() => attempt = world.Ledger.Call(job, task.Started, process));
        var fence = task.Started.Fence;
        world.Trace.Add($"{process} runs {job.Name} {fence.Key}@{fence.Worker} attempt {fence.Attempt}, with {task.Company}");
        var (end, note) = Draw(job, task.Get<long>("value"), $"{process}/{++calls}");
        return new Drawn(task, attempt!, end, note);
    }

    private void End(JobPlan job, Drawn one, bool mustSay)
    {
        (one.Attempt.End, one.Attempt.Note) = (one.End, one.Note);
        if (one.Note is not null) one.Task[job.Note] = one.Note;
        switch (one.End)
        {
            case HandlerEnd.Failed: one.Task.Fail("fails as it was drawn"); break;
            case HandlerEnd.Permanent: one.Task.Fail("fails for good as it was drawn", permanently: true); break;
            case HandlerEnd.Snoozed: one.Task.Snooze(TimeSpan.FromSeconds(world.Random.Next(0, 5))); break;
            // Where nothing is said it is completed as well, unless the handler throws.
            case HandlerEnd.Completed when mustSay || world.Random.Next(2) == 0: one.Task.Complete(); break;
        }
    }
}
