using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>Shows how the work goes: as lines, or in place on a terminal.</summary>
internal interface IProgressView
{
    /// <summary>How often it wants to be given new numbers.</summary>
    TimeSpan Interval { get; }

    void Show(IReadOnlyList<ProgressRow> rows);
}

/// <summary>Takes the numbers of all jobs again and again and gives them to a view.</summary>
internal sealed class Progress(Engine engine, IProgressView view, TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private Task showing = Task.CompletedTask;

    public void Start() => showing = ShowAsync();

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await showing;
    }

    private async Task ShowAsync()
    {
        var jobs = engine.Node.Lanes.Select(lane => new JobProgress(lane, time)).ToList();
        // Counting may take long: it begins at once, so that the first line has a total.
        foreach (var job in jobs) job.Sample(stop.Token);
        while (true)
        {
            await Task.Delay(view.Interval, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) break;
            view.Show(jobs.ConvertAll(job => job.Sample(stop.Token) with
            {
                Workers = engine.Node.Workers.Count,
                IsStandingBy = !engine.Dispatcher.IsLeading,
            }));
        }
        foreach (var job in jobs) await job.EndAsync();
    }

    public void Dispose() => stop.Dispose();
}
