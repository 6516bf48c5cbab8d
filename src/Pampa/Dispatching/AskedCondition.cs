namespace Pampa.Dispatching;

/// <summary>The job's own condition on workers: one statement for all of them.</summary>
internal sealed class AskedCondition(JobDispatch job, Trouble trouble, TimeProvider time) : IAsked
{
    private volatile Answer answer = new([], 0);
    private Task underWay = Task.CompletedTask;
    private long askedAt;

    /// <summary>Who may.</summary>
    private sealed record Answer(HashSet<string> Allowed, long At);

    public IEnumerable<Task> Begin(IReadOnlyList<WorkerHand> workers, CancellationToken stopping)
    {
        if (!underWay.IsCompleted || (askedAt != 0 && time.GetElapsedTime(askedAt) < Permission.Every)) return [];
        askedAt = time.GetTimestamp();
        var all = workers.Select(w => (w.Worker, w.NodeName)).ToList();
        underWay = job.Beside(() => AskAsync(all, stopping));
        return [underWay];
    }

    public bool Check()
    {
        if (underWay.IsCompleted) return false;
        if (time.GetElapsedTime(askedAt) >= Permission.Holds) trouble.Begin("", Permission.TooLate);
        return true;
    }

    public bool Allows(string worker) =>
        answer is { At: not 0 } last && time.GetElapsedTime(last.At) < Permission.Holds && last.Allowed.Contains(worker);

    private async Task AskAsync(List<(string Worker, string Node)> workers, CancellationToken stopping)
    {
        HashSet<string> allowed = [];
        try
        {
            allowed = [.. await job.Store.ReadAllowedAsync(workers, Permission.Deadline, stopping)];
            trouble.End("");
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            trouble.Begin("", e is Storage.SnippetException ? e.Message : $"the database says: {e.Message}");
        }
        answer = new Answer(allowed, time.GetTimestamp());
    }
}
