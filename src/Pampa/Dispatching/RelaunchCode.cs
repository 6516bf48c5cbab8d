using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>The program's own code that names records to run again has thrown, or has returned nothing at all.</summary>
internal sealed class RelaunchCodeException(string message, Exception? innerException = null) : Exception(message, innerException);

/// <summary>
/// Calls the program's own code beside the dispatcher's loop, so that one that takes long, or never ends, holds up nobody;
/// what it says is taken in a later turn.
/// </summary>
internal sealed class RelaunchCode(
    JobDispatch job, Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>> keysAsync, Pace pace, TimeProvider time)
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);
    private Task<List<string>>? underWay;
    private long began;

    public Pace Pace => pace;

    /// <summary>What the code names; null: it is not its time, or it is still at it.</summary>
    /// <exception cref="RelaunchCodeException">The code has thrown.</exception>
    public async Task<List<string>?> AskAsync(bool isAsked, CancellationToken stopping)
    {
        if (underWay is null)
        {
            if (!isAsked && !pace.IsDue) return null;
            began = time.GetTimestamp();
            underWay = Task.Run(() => CallAsync(stopping), CancellationToken.None);
        }
        // Most have their answer in a moment.
        using (var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping))
        {
            await Task.WhenAny(underWay, Task.Delay(Grace, time, enough.Token));
            await enough.CancelAsync();
        }
        if (!underWay.IsCompleted) return null;
        var ended = underWay;
        underWay = null;
        pace.End(began);
        // Given up with an earlier call, which was told to stop: this one was not.
        if (ended.IsCanceled && !stopping.IsCancellationRequested) return null;
        return await ended;
    }

    private async Task<List<string>> CallAsync(CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            var context = new RelaunchContext(job.Store.Job.Name, Limits.RelaunchRows, job.Handlers ?? job.Store.Database.Source);
            var keys = await keysAsync(context, until.Token) ?? throw new RelaunchCodeException("it returned null instead of keys; return an empty list for none");
            // It may be a query that runs only now.
            return [.. keys.Take(context.Max).Distinct(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is not RelaunchCodeException && !(e is OperationCanceledException && stopping.IsCancellationRequested))
        {
            throw new RelaunchCodeException(deadline.IsCancellationRequested
                ? $"it did not end within {Deadline:c}: {e.Message}"
                : $"it throws {e.GetType().Name}: {e.Message}", e);
        }
    }
}
