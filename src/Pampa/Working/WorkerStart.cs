using Pampa.Jobs;

namespace Pampa.Working;

/// <summary>
/// What the program does at the start of each of its workers: once for each id, when the id is registered and before it
/// is ready for tasks. The workers of a process start at the same time.
/// </summary>
internal sealed class WorkerStart(IReadOnlyList<Func<string, CancellationToken, Task>> starts)
{
    private readonly HashSet<string> started = new(StringComparer.Ordinal);

    public static WorkerStart None => new([]);

    /// <summary>Runs the code for those workers that have not started yet.</summary>
    /// <exception cref="StartCodeException">One of them threw; the others are told to end.</exception>
    public async Task RunAsync(IReadOnlyList<string> workers, CancellationToken stopping)
    {
        // The program's code takes as long as it likes.
        if (starts.Count > 0) await Pulse.RestAsync(() => StartAsync(workers, stopping));
    }

    private async Task StartAsync(IReadOnlyList<string> workers, CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var starting = workers.Where(w => !started.Contains(w)).Select(w => StartAsync(w, ending.Token)).ToList();
        try
        {
            await foreach (var one in Task.WhenEach(starting).WithCancellation(stopping)) started.Add(await one);
        }
        catch
        {
            await ending.CancelAsync();
            throw;
        }
    }

    private async Task<string> StartAsync(string worker, CancellationToken stopping)
    {
        for (var i = 0; i < starts.Count; i++)
        {
            var code = starts[i];
            await StartCode.RunAsync("OnWorkerStart", i, starts.Count, () => code(worker, stopping), stopping, $" of worker '{worker}'");
        }
        return worker;
    }
}
