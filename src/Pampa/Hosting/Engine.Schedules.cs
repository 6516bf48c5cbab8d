namespace Pampa.Hosting;

/// <content>What comes by the clock.</content>
internal sealed partial class Engine
{
    // What is under way at a stop has its token cancelled, and is waited for as whatever else a loop does.
    private async Task ScheduleAsync(Loop loop, CancellationToken stopping)
    {
        try
        {
            await loop.RunAsync("schedules", Scheduler.CycleAsync, Scheduler.Ended, () => Scheduler.Pause, stopping);
        }
        finally
        {
            await Scheduler.EndAsync();
        }
    }
}
