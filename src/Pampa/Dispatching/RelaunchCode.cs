using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>The program's own code that names records to run again has thrown, or has returned nothing at all.</summary>
internal sealed class RelaunchCodeException(string message, Exception? innerException = null) : Exception(message, innerException);

/// <summary>Calls the program's own code that names records to run again, beside the dispatcher's loop.</summary>
internal sealed class RelaunchCode(
    JobDispatch job, Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>> keysAsync, Pace pace, TimeProvider time)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hopeless = TimeSpan.FromSeconds(90);
    private readonly AsideCall<List<string>> call = new(time);

    public Pace Pace => pace;

    /// <summary>What the code names; null: it is not its time, or it is still at it.</summary>
    /// <exception cref="RelaunchCodeException">The code has thrown, or does not end although it was told to.</exception>
    public async Task<List<string>?> AskAsync(bool isAsked, CancellationToken stopping)
    {
        if (!call.IsUnderWay)
        {
            if (!isAsked && !pace.IsDue) return null;
            call.Begin(() => CallAsync(stopping));
        }
        try
        {
            var keys = await call.AnswerAsync(stopping);
            if (keys is null && call.IsUnderWay && time.GetElapsedTime(call.BeganAt) >= Hopeless)
                throw new RelaunchCodeException("it does not end, although it was told to after a minute; give what it waits for a time-out, or pass the token on");
            return keys;
        }
        finally
        {
            if (!call.IsUnderWay) pace.End(call.BeganAt);
        }
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
