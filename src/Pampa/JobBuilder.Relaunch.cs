using System.Diagnostics.CodeAnalysis;
using Pampa.Jobs;

namespace Pampa;

/// <summary>When ended records run again by themselves.</summary>
public sealed partial class JobBuilder
{
    private Func<Sql>? relaunchWhere;
    private Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>>? relaunchKeys;

    /// <summary>
    /// How long after its own end a completed record is pending again: with all its attempts, without success, error, start
    /// and end, in the next generation, as often as it ends. The leader does it, a second or two after the moment while the
    /// table is small; on a large one the index that <c>migrate</c> makes keeps it quick. Records that do not match <see
    /// cref="Where"/> any more stay as they are until they do. 1 s to 3,650 days; default null: no record runs again by its
    /// age.
    /// </summary>
    public TimeSpan? RelaunchAfter { get; set; }

    /// <summary>
    /// The share of <see cref="RelaunchAfter"/> that is added to it at most, for each record and each end anew, so that
    /// records which ended together do not all run together for ever. 0 to 1; default 0.1: a record with 10 minutes runs
    /// again 10 to 11 minutes after its end.
    /// </summary>
    public double RelaunchJitter { get; set; } = 0.1;

    /// <summary>
    /// Whether <see cref="RelaunchAfter"/> and <see cref="RelaunchWhere"/> are for failed records, too: a failed one then
    /// begins anew with all its attempts, in the same generation. Default false: failed ones stay for somebody to look at.
    /// </summary>
    public bool RelaunchFailed { get; set; }

    /// <summary>
    /// Which of the completed records (and with <see cref="RelaunchFailed"/> of the failed ones) run again, as a condition on
    /// the record's own columns: <c>$"is_watched"</c>. With <see cref="RelaunchAfter"/> both must be so. Alone it decides by
    /// itself, once a second: a condition that a run does not change runs its records again and again, and a long table needs
    /// an index for it. Default: all with <see cref="RelaunchAfter"/>, else none.
    /// </summary>
    [DisallowNull]
    public Sql? RelaunchWhere
    {
        get => relaunchWhere?.Invoke();
        set => relaunchWhere = () => value;
    }

    /// <summary>As <see cref="RelaunchWhere"/>, with values that are taken anew for every statement.</summary>
    /// <param name="condition">Called often: it must be quick and must not throw.</param>
    public void RelaunchWhereEachCycle(Func<Sql> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        relaunchWhere = condition;
    }

    /// <summary>
    /// Code that names records to run again, completed or failed ones, beside those of <see cref="RelaunchAfter"/> and <see
    /// cref="RelaunchWhere"/>. It only chooses: a record that has not ended, is no task of the job or is not there is passed
    /// by, and one line in the log tells. The leader calls it at most once a second and never twice at the same time; the
    /// longer it takes the more seldom. What it throws is told in one line, and it is called again after 30 s.
    /// </summary>
    /// <param name="keysAsync">
    /// Returns keys as <see cref="PampaTask.Key"/> has them, at most <see cref="RelaunchContext.Max"/>. Its token is cancelled
    /// when the program stops, and after a minute.
    /// </param>
    public void Relaunch(Func<RelaunchContext, CancellationToken, Task<IEnumerable<string>>> keysAsync)
    {
        ArgumentNullException.ThrowIfNull(keysAsync);
        if (relaunchKeys is not null) errors.Add("Relaunch is called twice; a job has one such code: return the keys of both from one");
        relaunchKeys = keysAsync;
    }

    private Relaunching? Relaunching() => RelaunchAfter is null && relaunchWhere is null && relaunchKeys is null && !RelaunchFailed
        ? null
        : new Relaunching
        {
            After = RelaunchAfter,
            Jitter = RelaunchJitter,
            FailedToo = RelaunchFailed,
            Where = relaunchWhere,
            KeysAsync = relaunchKeys,
        };
}
