using Microsoft.Extensions.Logging;

namespace Pampa.Working;

/// <summary>What a node says.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Warning, "Job '{Job}': record {Key} failed in attempt {Attempt} of {MaxAttempts}")]
    public static partial void TaskFailed(ILogger log, string job, string key, int attempt, int maxAttempts, Exception error);

    [LoggerMessage(101, LogLevel.Information, "Node '{Node}' has {Workers} workers, session {Session}")]
    public static partial void Registered(ILogger log, string node, int workers, long session);

    [LoggerMessage(102, LogLevel.Warning, "Job '{Job}': took back what a former life of node '{Node}' left: {Released} not started, {Again} to be tried again, {Failed} failed")]
    public static partial void Recovered(ILogger log, string job, string node, int released, int again, int failed);

    [LoggerMessage(103, LogLevel.Warning, "Node '{Node}' has lost its lease: its tasks are cancelled and it registers anew")]
    public static partial void LeaseLost(ILogger log, string node);

    [LoggerMessage(107, LogLevel.Warning, "Job '{Job}': record {Key} cannot be started, the next try is in 30 s ({Unsaid} more since this was last said): {Error}")]
    public static partial void NotStarted(ILogger log, string job, string key, int unsaid, string error);

    [LoggerMessage(119, LogLevel.Warning, "Job '{Job}': to read back what this node's workers hold takes longer than a statement may; it is tried again ever more seldom, and "
        + "the other jobs go on; `migrate` shows the index of open records that is missing: {Error}")]
    public static partial void ReadBackTooLong(ILogger log, string job, string error);

    [LoggerMessage(104, LogLevel.Information, "Job '{Job}': read back after doubt: {Adopted} reservations adopted, {Forgiven} started ones given back, {Lost} lost")]
    public static partial void Reconciled(ILogger log, string job, int adopted, int forgiven, int lost);

    [LoggerMessage(109, LogLevel.Information, "Worker '{Worker}' has the lease of a former life, or of another computer; it is taken over when the lease ends, unless somebody is heard of")]
    public static partial void WaitsForLease(ILogger log, string worker);

    [LoggerMessage(110, LogLevel.Error, "Worker '{Worker}': a task of job '{Job}' has not ended although its {MaxDuration} are over and its token is cancelled; the worker is lost until it ends, its record goes on elsewhere")]
    public static partial void Leaked(ILogger log, string worker, string job, TimeSpan maxDuration);

    [LoggerMessage(111, LogLevel.Information, "Worker '{Worker}' works again: the task that had ignored its cancellation has ended")]
    public static partial void LeakEnded(ILogger log, string worker);

    [LoggerMessage(112, LogLevel.Debug, "Job '{Job}': record {Key} has met others in its transaction, all of it is undone; it may run again at once: {Error}")]
    public static partial void Conflict(ILogger log, string job, string key, string error);

    [LoggerMessage(113, LogLevel.Warning, "Job '{Job}': record {Key} is given back and tried again later, the database could not be reached for its transaction: {Error}")]
    public static partial void GivenBack(ILogger log, string job, string key, string error);

    [LoggerMessage(114, LogLevel.Warning, "Job '{Job}': record {Key}: no answer to the commit of its transaction; the record itself tells what came of it: {Error}")]
    public static partial void InDoubt(ILogger log, string job, string key, string error);

    [LoggerMessage(115, LogLevel.Warning, "Job '{Job}': record {Key} is given back and tried again later, others were in its transaction's way until its time of {MaxDuration} was over")]
    public static partial void Overtaken(ILogger log, string job, string key, TimeSpan maxDuration);

    [LoggerMessage(116, LogLevel.Information, "Job '{Job}': the handler has thrown for a batch of {Records} records; the {Left} of which nothing was said run again in halves, so that the one at fault is found: {Error}")]
    public static partial void Halved(ILogger log, string job, int records, int left, string error);

    [LoggerMessage(117, LogLevel.Warning, "Job '{Job}': the handler has thrown for a batch of {Records} records after it had said what came of each; that stands")]
    public static partial void ThrownAfterAll(ILogger log, string job, int records, Exception error);

    [LoggerMessage(118, LogLevel.Warning, "Job '{Job}': a batch of {Records} records is given back and tried again later: {Why}")]
    public static partial void BatchGivenBack(ILogger log, string job, int records, string why);

    [LoggerMessage(120, LogLevel.Warning, "Job '{Job}': {Records} records were dealt to this node although they have had {MaxAttempts} attempts, all that it knows of; they rest for up to 30 s, until the published limits are read everywhere")]
    public static partial void NoAttemptLeft(ILogger log, string job, int records, int maxAttempts);

    [LoggerMessage(123, LogLevel.Warning, "What listens to the spans of tasks has thrown ({Unsaid} times since that was told last); tasks run all the same: {Error}")]
    public static partial void NotTraced(ILogger log, int unsaid, string error);

    [LoggerMessage(124, LogLevel.Warning, "Job '{Job}': the record {Key}, which {Worker} runs, was cancelled or taken back meanwhile: its task is told to stop, and what it writes is refused")]
    public static partial void TakenAway(ILogger log, string job, string key, string worker);

    [LoggerMessage(108, LogLevel.Warning, "Job '{Job}': not all records of a former life could be taken back at once: {Error}")]
    public static partial void NotRecovered(ILogger log, string job, string error);
}
