using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Dispatching;

/// <summary>What a dispatcher says.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Information, "This process leads '{Scope}' in term {Term}")]
    public static partial void Leads(ILogger log, string scope, long term);

    [LoggerMessage(201, LogLevel.Warning, "This process leads '{Scope}' no more, its term {Term} is over")]
    public static partial void LeadsNoMore(ILogger log, string scope, long term);

    [LoggerMessage(202, LogLevel.Warning, "Job '{Job}': took back from dead workers: {Released} not started, {Again} to be tried again, {Failed} failed")]
    public static partial void Reclaimed(ILogger log, string job, int released, int again, int failed);

    [LoggerMessage(203, LogLevel.Warning, "Job '{Job}': {Count} records had no attempt left and no end; they have failed")]
    public static partial void Exhausted(ILogger log, string job, int count);

    [LoggerMessage(206, LogLevel.Debug, "Job '{Job}': records are locked by somebody else; trying again")]
    public static partial void Locked(ILogger log, string job);

    [LoggerMessage(207, LogLevel.Warning, "Job '{Job}': record {Key} is gone round for {Seconds:0} s, it is locked or refused by a rule of its table: {Error}")]
    public static partial void GoneRound(ILogger log, string job, string key, double seconds, string error);

    [LoggerMessage(216, LogLevel.Warning, "Job '{Job}': {Count} records are refused by a rule of its table by now and gone round; the last of them is {Key}: {Error}")]
    public static partial void ManyRefused(ILogger log, string job, int count, string key, string error);

    [LoggerMessage(208, LogLevel.Warning, "Job '{Job}': what dead workers held could not be taken back, the next pass tries again ({Unsaid} more times since this was last said): {Error}")]
    public static partial void PassFailed(ILogger log, string job, int unsaid, string error);

    [LoggerMessage(210, LogLevel.Information, "Job '{Job}' has {Workers} workers: {Reason}")]
    public static partial void Stretched(ILogger log, string job, int workers, string reason);

    [LoggerMessage(211, LogLevel.Information, "{Target} is paused: it begins nothing")]
    public static partial void Paused(ILogger log, Hold target);

    [LoggerMessage(212, LogLevel.Information, "{Target} goes on")]
    public static partial void Resumed(ILogger log, Hold target);

    [LoggerMessage(213, LogLevel.Warning, "Job '{Job}': counting its due records takes more than {Seconds:0} s, it is taken for having many; "
        + "`migrate` shows the index that is missing")]
    public static partial void CountedTooLong(ILogger log, string job, double seconds);

    [LoggerMessage(214, LogLevel.Warning, "Workers that nobody has heard of for a week could not be deleted from pampa_worker, the next try is in an hour "
        + "(it needs the right to DELETE there): {Error}")]
    public static partial void NotForgotten(ILogger log, string error);

    [LoggerMessage(215, LogLevel.Warning, "Job '{Job}': to find what dead workers held and what is overdue takes longer than a statement may; it is tried again ever more "
        + "seldom, and the rest of the job goes on; `migrate` shows the index of open records that is missing: {Error}")]
    public static partial void PassTooLong(ILogger log, string job, string error);

    [LoggerMessage(218, LogLevel.Warning, "Job '{Job}': to pick due records takes longer than a statement may; it is tried again more seldom, and the other jobs go on; "
        + "`migrate` shows the index that is missing, `preview` how records are picked ({Unsaid} more times since this was last said): {Error}")]
    public static partial void PickTooLong(ILogger log, string job, int unsaid, string error);

    [LoggerMessage(229, LogLevel.Warning, "Job '{Job}': to look for due records before the one that was reserved last has failed; it is tried again, and whatever comes after it is "
        + "reserved meanwhile ({Unsaid} more times since this was last said): {Error}")]
    public static partial void LookFailed(ILogger log, string job, int unsaid, string error);

    [LoggerMessage(217, LogLevel.Debug, "What dead nodes have said is held by somebody else, the next pass tries again to delete it: {Error}")]
    public static partial void DeadNodesLocked(ILogger log, string error);

    [LoggerMessage(209, LogLevel.Warning, "Job '{Job}': no worker of the cluster serves it, its WorkerFilter is '{Filter}'")]
    public static partial void Unserved(ILogger log, string job, string filter);

    [LoggerMessage(219, LogLevel.Warning, "Job '{Job}': no worker of the cluster serves it: {TooOld} run a program below version {Minimum}, which the job demands")]
    public static partial void AllTooOld(ILogger log, string job, int tooOld, ProgramVersion minimum);

    [LoggerMessage(220, LogLevel.Debug, "Job '{Job}': {Count} ended records are pending again")]
    public static partial void Relaunched(ILogger log, string job, int count);

    [LoggerMessage(221, LogLevel.Error, "Job '{Job}': its {What} of relaunching fails, the next try is in 30 s; the rest of the job goes on: {Error}")]
    public static partial void RelaunchFailed(ILogger log, string job, string what, string error);

    [LoggerMessage(222, LogLevel.Information, "Job '{Job}': its {What} of relaunching works again")]
    public static partial void RelaunchGoesOn(ILogger log, string job, string what);

    [LoggerMessage(223, LogLevel.Warning, "Job '{Job}': {Ignored} of {Count} keys that its Relaunch names are passed by, they are unknown, have not ended or are no "
        + "tasks of the job; it is told once. For example: {Example}")]
    public static partial void KeysIgnored(ILogger log, string job, int ignored, int count, string example);

    [LoggerMessage(240, LogLevel.Warning, "Job '{Job}': its Select names {Count} records and none of them can be reserved: they have ended, are no tasks of the job or "
        + "are not there. It is asked the more seldom, at least every 30 s. For example: {Example}")]
    public static partial void NothingSelected(ILogger log, string job, int count, string example);

    [LoggerMessage(241, LogLevel.Information, "Job '{Job}': its Select names records again that can be reserved")]
    public static partial void SelectedAgain(ILogger log, string job);

    [LoggerMessage(242, LogLevel.Warning, "Job '{Job}': {Count} of what its Select names are no keys of the table; it is told once. For example: {Example}")]
    public static partial void NoKeys(ILogger log, string job, int count, string example);

    [LoggerMessage(224, LogLevel.Warning, "Job '{Job}': record {Key} cannot run again, it is locked or refused by a rule of its table; it is tried again later, "
        + "and told once: {Error}")]
    public static partial void RelaunchRefused(ILogger log, string job, string key, string error);

    [LoggerMessage(250, LogLevel.Error, "Job '{Job}': its {What} gives no answer, and whom it gives none for is given nothing of the job until it does; told once: {Error}")]
    public static partial void NoAnswer(ILogger log, string job, string what, string error);

    [LoggerMessage(251, LogLevel.Information, "Job '{Job}': its {What} answers again")]
    public static partial void AnswersAgain(ILogger log, string job, string what);

    [LoggerMessage(252, LogLevel.Error, "Job '{Job}': its WorkerOrderBy fails, the emptiest hands are dealt to first until it works; told once: {Error}")]
    public static partial void NotOrdered(ILogger log, string job, string error);

    [LoggerMessage(253, LogLevel.Information, "Job '{Job}': its WorkerOrderBy works again")]
    public static partial void OrderedAgain(ILogger log, string job);

    [LoggerMessage(226, LogLevel.Warning, "Job '{Job}': its {What} of relaunching takes longer than the {Longest:0} s that a statement of it may; the next try is in 30 s, and "
        + "the rest of the job and the other jobs go on; `doctor` says whether its index is missing ({Unsaid} more times since this was last said): {Error}")]
    public static partial void RelaunchTooLong(ILogger log, string job, string what, double longest, int unsaid, string error);

    [LoggerMessage(227, LogLevel.Warning, "What is too old in the audit cannot be thrown away, the right to DELETE from pampa_audit is missing; it stays and is tried "
        + "again each hour, everything else goes on, and it is told once: {Error}")]
    public static partial void AuditNotThinned(ILogger log, string error);

    [LoggerMessage(228, LogLevel.Warning, "Job '{Job}': nothing of it is relaunched now, although that was asked for: {Calls} calls of its hooks are still to be made "
        + "({Unsaid} more times since this was last said)")]
    public static partial void RelaunchHeldBack(ILogger log, string job, int calls, int unsaid);

    [LoggerMessage(225, LogLevel.Debug, "Job '{Job}': no sample is taken, its due records cannot be counted: {Error}")]
    public static partial void NotSampled(ILogger log, string job, string error);
}
