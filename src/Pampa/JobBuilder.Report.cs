namespace Pampa;

/// <content>The job's own counts.</content>
public sealed partial class JobBuilder
{
    private Func<ReportContext, CancellationToken, Task<Report>>? countAsync;

    /// <summary>
    /// Code that counts the job's records in place of Pampa, so that the numbers agree with a selection of the program's own. What it
    /// returns is what <c>status</c>, the progress of <c>run</c>, <see cref="PampaCluster.ReportAsync(string, bool, CancellationToken)"/> and
    /// <c>doctor</c> say; nothing is dispatched by it. Where it throws, returns null or a count below zero, or takes longer than 30 s (in the
    /// dashboard: one), the records are counted as without it, and <see cref="Report.Fault"/>, the status, the log and <c>doctor</c> say why. It
    /// is called once at a time in each process, by all that ask meanwhile together; one that does not end when it is told to is not called
    /// again before it has.
    /// </summary>
    /// <param name="countAsync">
    /// Called when somebody asks, in any process. <c>(await context.CountAsync(stopping)) with { Pending = … }</c> changes one number only.
    /// </param>
    public void Report(Func<ReportContext, CancellationToken, Task<Report>> countAsync)
    {
        ArgumentNullException.ThrowIfNull(countAsync);
        if (this.countAsync is not null) errors.Add("Report is called twice; a job has one such code: return all numbers from one");
        this.countAsync = countAsync;
    }
}
