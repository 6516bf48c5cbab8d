using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>The job's own counts.</summary>
internal sealed partial class TaskStore
{
    /// <summary>How long the program's own code may count.</summary>
    public TimeSpan ReportDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The counts that people see: those of the program's own code or, where there is none or it fails, those of the table, with the
    /// reason.
    /// </summary>
    public async Task<Report> CountedAsync(bool isExact, CancellationToken stopping)
    {
        Task<Report> CountAsync(CancellationToken token) => isExact ? ReportAsync(token) : ReportAsync(Limits.CountedRows, token);
        if (Job.CountAsync is not { } countAsync) return await CountAsync(stopping);
        var context = new ReportContext(Job.Name, isExact, Handlers ?? database.Source, CountAsync);
        string fault;
        using var deadline = new CancellationTokenSource(ReportDeadline, database.Time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            // It may block its thread, and not hear that its time is over.
            var counted = await Task.Run(() => countAsync(context, until.Token), until.Token).WaitAsync(until.Token);
            if (FaultOf(counted) is not { } wrong) return counted with { Job = Job.Name, IsOwn = true };
            fault = wrong;
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            throw new OperationCanceledException(stopping);
        }
        catch (Exception e)
        {
            fault = deadline.IsCancellationRequested ? $"it did not answer within {ReportDeadline:c}" : $"it throws {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}";
        }
        return await CountAsync(stopping) with { Fault = fault };
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
