using System.Runtime.CompilerServices;
using Pampa.Storage;

namespace Pampa.Tests.Simulation;

/// <summary>The code of the simulated jobs: what it does is drawn, and told to the ledger. What it writes names the process and the attempt.</summary>
internal sealed partial class Handlers(World world)
{
    private const int MostSnoozes = 2;
    private readonly Dictionary<(string Job, long Key), int> snoozes = [];
    private int calls;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "started")]
    private static extern ref StartedTask StartedOf(PampaTask task);

    public async ValueTask RunAsync(JobPlan job, PampaTask task)
    {
        var started = StartedOf(task);
        var fence = started.Fence;
        var process = world.Current!;
        LedgerAttempt? attempt = null;
        world.Guard(() => attempt = world.Ledger.Call(job, started, process));
        world.Trace.Add($"{process} runs {job.Name} {fence.Key}@{fence.Worker} attempt {fence.Attempt}");
        process.Busy.Add(fence.Worker);
        var (end, note) = Draw(job, task.Get<long>("value"), $"{process}/{++calls}");
        if (world.Draw(world.Chances.Long)) await world.HoldAsync(process, Hold.Handler);
        var isHeeded = task.CancellationToken.IsCancellationRequested && world.Random.Next(4) > 0;
        process.Busy.Remove(fence.Worker);
        process.Ended[job.Name] = process.Ended.GetValueOrDefault(job.Name) + 1;
        attempt!.WasCancelled = task.CancellationToken.IsCancellationRequested;
        attempt.End = isHeeded ? HandlerEnd.Failed : end;
        attempt.Note = note;
        if (note is not null) task[job.Note] = note;
        if (isHeeded) throw new OperationCanceledException();
        switch (end)
        {
            case HandlerEnd.Failed: throw new InvalidOperationException("fails as it was drawn");
            case HandlerEnd.Permanent: throw new PermanentFailureException("fails for good as it was drawn");
            case HandlerEnd.Snoozed: throw new SnoozeException(TimeSpan.FromSeconds(world.Random.Next(0, 5)));
        }
    }

    private (HandlerEnd End, string? Note) Draw(JobPlan job, long key, string mark)
    {
        var what = world.Random.Next(100);
        var note = what % 5 == 0 ? null : mark;
        if (what < 60) return (HandlerEnd.Completed, note);
        if (what < 66) return (HandlerEnd.Completed, $"bad {mark}");
        if (what < 85) return (HandlerEnd.Failed, note);
        if (what < 90) return (HandlerEnd.Permanent, note);
        var before = snoozes.GetValueOrDefault((job.Name, key));
        if (before >= MostSnoozes) return (HandlerEnd.Completed, note);
        snoozes[(job.Name, key)] = before + 1;
        return (HandlerEnd.Snoozed, note);
    }
}
