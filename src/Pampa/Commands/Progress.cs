using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>Takes the numbers of all jobs again and again and gives them to a display.</summary>
internal sealed class Progress(Engine engine, Display display, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan LastCount = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource stop = new();
    private Task showing = Task.CompletedTask;

    public void Start() => showing = ShowAsync();

    /// <summary>Ends it; a count that does not end, at a condition of the program that stands still, is left behind.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAny(showing, Task.Delay(LastCount, time));
        if (showing.IsCompleted) await showing;
    }

    private async Task ShowAsync()
    {
        var jobs = engine.Node.Lanes.Select(lane => new JobProgress(lane, engine.Role.Dispatches, display.SpeedWindow, time)).ToList();
        // Counting may take long: it begins at once, so that the first line has a total.
        foreach (var job in jobs) job.Sample(stop.Token);
        while (true)
        {
            await Task.Delay(display.Interval, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) break;
            Show(jobs.ConvertAll(job => job.Sample(stop.Token) with
            {
                Workers = engine.Node.Workers.Count,
                HasNoDispatcher = !engine.Role.Dispatches,
                IsStandingBy = engine.Role.Dispatches && engine.Dispatcher.IsStandingBy,
            }));
        }
        foreach (var job in jobs) await job.EndAsync();
    }

    private void Show(List<ProgressRow> rows)
    {
        try
        {
            display.Show(rows);
        }
        catch (IOException)
        {
            // Nobody can see it, on a disk that is full, say; the work goes on all the same.
        }
    }

    public void Dispose() => stop.Dispose();
}
