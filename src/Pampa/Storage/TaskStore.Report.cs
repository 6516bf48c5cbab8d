using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>The job's own counts.</summary>
internal sealed partial class TaskStore
{
    private readonly Lock ownMutex = new();
    private OwnCount? ownExact;
    private OwnCount? ownQuick;

    /// <summary>How long the program's own code may count, where nobody says anything else.</summary>
    public TimeSpan ReportDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The counts that people see: those of the program's own code or, where there is none, or it fails, or needs longer than whoever asks will
    /// wait, those of the table, with the reason.
    /// </summary>
    public async Task<Report> CountedAsync(bool isExact, CancellationToken stopping, TimeSpan? ownWithin = null)
    {
        Task<Report> CountAsync(CancellationToken token) => isExact ? ReportAsync(token) : ReportAsync(Limits.CountedRows, token);
        if (Job.CountAsync is not { } countAsync) return await CountAsync(stopping);
        var context = new ReportContext(Job.Name, isExact, Handlers ?? database.Source, CountAsync);
        var (own, fault) = Enter(isExact, token => countAsync(context, token)) is { } count
            ? await OwnAsync(count, ownWithin ?? ReportDeadline, stopping)
            : (null, "the call before has not ended, although its time is over");
        return own ?? await CountAsync(stopping) with { Fault = fault };
    }

    private async Task<(Report? Own, string? Fault)> OwnAsync(OwnCount count, TimeSpan limit, CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(limit, database.Time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            var (counted, error) = await count.Called.WaitAsync(until.Token);
            if (error is not null) return (null, $"it throws {error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")}");
            return FaultOf(counted) is { } wrong ? (null, wrong) : (counted! with { Job = Job.Name, IsOwn = true }, null);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return (null, $"it did not answer within {limit:c}");
        }
        finally
        {
            Leave(count);
        }
    }

    /// <summary>A call of the program's own code, for all who wait for it meanwhile.</summary>
    private sealed class OwnCount(CancellationTokenSource end, Task<(Report? Counted, Exception? Error)> called)
    {
        /// <summary>What it has returned, or thrown.</summary>
        public Task<(Report? Counted, Exception? Error)> Called => called;

        public int Waiting { get; set; }

        // It may block its thread.
        public static OwnCount Begin(Func<CancellationToken, Task<Report>> countAsync)
        {
            var end = new CancellationTokenSource();
            return new OwnCount(end, Task.Run(() => CallAsync(countAsync, end.Token)));
        }

        /// <summary>Tells it that nobody waits any more.</summary>
        public void End() => _ = end.CancelAsync();

        private static async Task<(Report? Counted, Exception? Error)> CallAsync(Func<CancellationToken, Task<Report>> countAsync, CancellationToken end)
        {
            try
            {
                return (await countAsync(end), null);
            }
            catch (Exception e)
            {
                return (null, e);
            }
        }
    }

    // One call at a time: code that takes longer than those who ask will wait, and does not hear that they are gone, would gather without end.
    private OwnCount? Enter(bool isExact, Func<CancellationToken, Task<Report>> countAsync)
    {
        lock (ownMutex)
        {
            ref var current = ref isExact ? ref ownExact : ref ownQuick;
            if (current is { Called.IsCompleted: false, Waiting: 0 }) return null;
            if (current is null or { Called.IsCompleted: true }) current = OwnCount.Begin(countAsync);
            current.Waiting++;
            return current;
        }
    }

    private void Leave(OwnCount count)
    {
        lock (ownMutex)
        {
            count.Waiting--;
            if (count.Waiting == 0 && !count.Called.IsCompleted) count.End();
        }
    }

    private static string? FaultOf(Report? counted)
    {
        if (counted is null) return "it returned null instead of a report";
        (string Name, long Count)[] counts =
        [
            (nameof(counted.Pending), counted.Pending), (nameof(counted.Scheduled), counted.Scheduled), (nameof(counted.Reserved), counted.Reserved),
            (nameof(counted.Running), counted.Running), (nameof(counted.Completed), counted.Completed), (nameof(counted.Failed), counted.Failed),
        ];
        // No JSON and no picture has a place for what is not a number.
        if (counted.PerSecond is { } rate && !(double.IsFinite(rate) && rate >= 0))
            return FormattableString.Invariant($"it returned {rate} for {nameof(counted.PerSecond)}, and that is no rate");
        return Array.Find(counts, c => c.Count < 0) is { Name: { } name, Count: var count }
            ? FormattableString.Invariant($"it returned {count:N0} for {name}, and no count is below zero")
            : null;
    }
}
