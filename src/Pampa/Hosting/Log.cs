using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>What the process says.</summary>
internal static partial class Log
{
    [LoggerMessage(300, LogLevel.Error, "The database cannot be reached ({Database}); work goes on when it can: {Error}")]
    public static partial void Unreachable(ILogger log, string database, string error);

    [LoggerMessage(301, LogLevel.Error, "The database cannot be reached ({Database}) for {Seconds} s now: {Error}")]
    public static partial void StillUnreachable(ILogger log, string database, int seconds, string error);

    [LoggerMessage(302, LogLevel.Information, "The database is back ({Database}) after {Seconds} s")]
    public static partial void Reachable(ILogger log, string database, int seconds);

    [LoggerMessage(317, LogLevel.Warning, "{Line}")]
    public static partial void Waits(ILogger log, string line);

    [LoggerMessage(303, LogLevel.Error, "The {Loop} loop met an error that it did not expect ({Fault} of {MaxFaults} before the process ends)")]
    public static partial void LoopFault(ILogger log, string loop, int fault, int maxFaults, Exception error);

    [LoggerMessage(308, LogLevel.Warning, "The {Loop} loop was held up by others ({Unsaid} more times since this was last said): {Error}")]
    public static partial void Contended(ILogger log, string loop, int unsaid, string error);

    [LoggerMessage(319, LogLevel.Error, "The {Loop} loop lacks a right and waits for it: {Error}")]
    public static partial void LacksRight(ILogger log, string loop, string error);

    [LoggerMessage(309, LogLevel.Critical, "The process ends: a loop met an error that it cannot get over")]
    public static partial void Fault(ILogger log, Exception error);

    [LoggerMessage(304, LogLevel.Information, "Stopping: {Running} tasks are running, they have {Timeout} to end")]
    public static partial void Stopping(ILogger log, int running, TimeSpan timeout);

    [LoggerMessage(305, LogLevel.Warning, "Stopping: {Running} tasks did not end in time, they are cancelled")]
    public static partial void Cancelling(ILogger log, int running);

    [LoggerMessage(306, LogLevel.Error, "Stopped with {Abandoned} tasks abandoned; they are taken back when the leases of this process end")]
    public static partial void Abandoned(ILogger log, int abandoned);

    [LoggerMessage(311, LogLevel.Error, "{Error}")]
    public static partial void WorkerIdTaken(ILogger log, string error);

    [LoggerMessage(312, LogLevel.Warning, "Wake-ups do not come over the listening connection: new records and hand-overs are found by polling, as ever, only later. Is there a pooler in transaction mode (pgbouncer) before the database? Then give this program an address that goes round it or one in session mode")]
    public static partial void HearsNothing(ILogger log);

    [LoggerMessage(316, LogLevel.Warning, "The listening connection is not to be had, so new records and hand-overs are found by polling: {Error}")]
    public static partial void NotHeard(ILogger log, string error);

    [LoggerMessage(313, LogLevel.Information, "Wake-ups come again")]
    public static partial void HearsAgain(ILogger log);

    [LoggerMessage(314, LogLevel.Warning, "Job '{Job}' wants to be woken by inserts, but its table has no trigger for that: new records are found by polling. Let the verb 'migrate' make it")]
    public static partial void NoTrigger(ILogger log, string job);

    [LoggerMessage(315, LogLevel.Critical, "{Error}")]
    public static partial void StartFailed(ILogger log, string error);

    [LoggerMessage(321, LogLevel.Warning, "Job '{Job}' goes by MaxAttempts {MaxAttempts} and MaxDuration {MaxDuration}, as {Program} has published them; this program says {OwnAttempts} and {OwnDuration}. The program that starts last has its way")]
    public static partial void OtherLimits(
        ILogger log, string job, int maxAttempts, TimeSpan maxDuration, string program, int ownAttempts, TimeSpan ownDuration);

    [LoggerMessage(322, LogLevel.Information, "Job '{Job}' goes by this program's own limits again: MaxAttempts {MaxAttempts}, MaxDuration {MaxDuration}")]
    public static partial void OwnLimits(ILogger log, string job, int maxAttempts, TimeSpan maxDuration);

    [LoggerMessage(323, LogLevel.Warning, "Job '{Job}': the definition that {Program} has published in pampa_job has no limits that this version can read, it is ignored; MaxAttempts {MaxAttempts} and MaxDuration {MaxDuration} stay")]
    public static partial void LimitsIgnored(ILogger log, string job, string program, int maxAttempts, TimeSpan maxDuration);

    [LoggerMessage(324, LogLevel.Warning, "Job '{Job}' demands version {Minimum} of the program, as {Program} has published it, and this is {Version}: this process begins none of its tasks, and what that one has published stands")]
    public static partial void TooOld(ILogger log, string job, ProgramVersion minimum, string program, ProgramVersion? version);

    [LoggerMessage(325, LogLevel.Information, "Job '{Job}' takes version {Version} of the program again: this process begins its tasks as before")]
    public static partial void NewEnough(ILogger log, string job, ProgramVersion? version);

    [LoggerMessage(320, LogLevel.Warning, "The published limits of jobs cannot be read from pampa_job, those that are known stay: {Error}")]
    public static partial void LimitsUnread(ILogger log, string error);

    [LoggerMessage(310, LogLevel.Information, "Database: {Database} ({Why})")]
    public static partial void Database(ILogger log, string database, string why);

    [LoggerMessage(307, LogLevel.Error, "Stopping: a step of it did not reach the database; what it was about is taken back when the leases of this process end: {Error}")]
    public static partial void NotReleased(ILogger log, string error);

    [LoggerMessage(330, LogLevel.Information, "'{Name}' runs in this process, in term {Term} of its lease")]
    public static partial void Holds(ILogger log, string name, long term);

    [LoggerMessage(331, LogLevel.Warning, "'{Name}' has lost its lease: nothing begins until this process has it again")]
    public static partial void HoldsNoMore(ILogger log, string name);

    [LoggerMessage(332, LogLevel.Information, "'{Name}' runs elsewhere ({Other}): this process stands by and takes over when that one ends")]
    public static partial void StandsBy(ILogger log, string name, string other);

    [LoggerMessage(333, LogLevel.Error, "'{Name}' runs elsewhere ({Other}), and only one may at a time: this process ends without a run")]
    public static partial void RunsElsewhere(ILogger log, string name, string other);

    [LoggerMessage(334, LogLevel.Information, "'{Name}': the next run begins at {Moment:u}")]
    public static partial void NextRun(ILogger log, string name, DateTimeOffset moment);

    [LoggerMessage(335, LogLevel.Error, "'{Name}': run {Number} failed after {Seconds:0.0} s ({Failures} in a row); the next one begins in {Left}")]
    public static partial void RunFailed(ILogger log, string name, long number, double seconds, int failures, TimeSpan left, Exception error);

    [LoggerMessage(336, LogLevel.Error, "'{Name}': run {Number} failed after {Seconds:0.0} s; the process ends")]
    public static partial void LastRunFailed(ILogger log, string name, long number, double seconds, Exception error);

    [LoggerMessage(337, LogLevel.Warning, "'{Name}': run {Number} was cancelled: {Why}")]
    public static partial void RunCancelled(ILogger log, string name, long number, string why);

    [LoggerMessage(338, LogLevel.Warning, "'{Name}': the lease is lost while run {Number} is at work: its token is cancelled, and another process may begin although this run goes on")]
    public static partial void RunWithoutLease(ILogger log, string name, long number);

    [LoggerMessage(339, LogLevel.Information, "'{Name}': run {Number} is at work; its token is cancelled, it has {Timeout} to end")]
    public static partial void RunStopping(ILogger log, string name, long number, TimeSpan timeout);

    [LoggerMessage(340, LogLevel.Error, "'{Name}': run {Number} has not ended within {Timeout} after the stop; it is abandoned")]
    public static partial void RunAbandoned(ILogger log, string name, long number, TimeSpan timeout);

    [LoggerMessage(342, LogLevel.Warning, "'{Name}': run {Number} has been at work for {Took}, much longer than any before it; no other begins before it ends, here or elsewhere (MaxDuration would end it)")]
    public static partial void RunTakesLong(ILogger log, string name, long number, TimeSpan took);

    [LoggerMessage(343, LogLevel.Error, "'{Name}': run {Number} was told to end after {Most} (MaxDuration) and is still at work after {Took}; no other begins before it ends, here or elsewhere: its code must look at its token")]
    public static partial void RunOverdue(ILogger log, string name, long number, TimeSpan most, TimeSpan took);

    [LoggerMessage(341, LogLevel.Warning, "'{Name}': the lease could not be given up; another process takes over when it ends: {Error}")]
    public static partial void NotResigned(ILogger log, string name, string error);
}
