using Microsoft.Extensions.Logging;

namespace Pampa.Dispatching;

/// <content>What is said of schedules.</content>
internal static partial class Log
{
    [LoggerMessage(230, LogLevel.Debug, "Schedule '{Schedule}': the tick of {Tick:u} is done, {Rows} rows")]
    public static partial void Ticked(ILogger log, string schedule, DateTimeOffset tick, int rows);

    [LoggerMessage(231, LogLevel.Warning, "Schedule '{Schedule}': {Missed} ticks before the one of {Tick:u} were missed; it stands for them")]
    public static partial void TickStandsFor(ILogger log, string schedule, int missed, DateTimeOffset tick);

    [LoggerMessage(232, LogLevel.Warning, "Schedule '{Schedule}': {Missed} ticks up to the one of {Tick:u} were missed and are left out")]
    public static partial void TicksLeftOut(ILogger log, string schedule, int missed, DateTimeOffset tick);

    [LoggerMessage(233, LogLevel.Error, "Schedule '{Schedule}': the tick of {Tick:u} has failed, nothing of it stays, and it is tried again in {Wait}, then more seldom; "
        + "it is told once, and other schedules go on: {Error}")]
    public static partial void TickFailed(ILogger log, string schedule, DateTimeOffset tick, TimeSpan wait, string error);

    [LoggerMessage(234, LogLevel.Information, "Schedule '{Schedule}': the tick of {Tick:u} is done, after {Failures} failures")]
    public static partial void TickWorksAgain(ILogger log, string schedule, DateTimeOffset tick, int failures);

    [LoggerMessage(235, LogLevel.Warning, "Schedule '{Schedule}' was '{OldExpression}' ({OldZone}) in {OldProgram} and is '{Expression}' ({Zone}) in this program, "
        + "which leads: it begins anew from now on")]
    public static partial void TimesChanged(
        ILogger log, string schedule, string oldExpression, string oldZone, string oldProgram, string expression, string zone);

    [LoggerMessage(236, LogLevel.Warning, "Schedule '{Schedule}': the code of its tick of {Tick:u} goes on although its MaxDuration is over and its token cancelled; "
        + "until it ends, no further tick begins")]
    public static partial void TickOverdue(ILogger log, string schedule, DateTimeOffset tick);

    [LoggerMessage(237, LogLevel.Error, "{Overdue} ticks go on although their MaxDuration is over, each keeps its connection ({Schedules}), and all {Places} connections are "
        + "taken: no other tick begins, of whatever schedule, until one ends. Let their code look at its token, and give what it waits for a time-out")]
    public static partial void NoPlaceForTicks(ILogger log, int overdue, string schedules, int places);
}
