using Microsoft.Extensions.Logging;

namespace Pampa.Serving;

/// <summary>What the dashboard says.</summary>
internal static partial class Log
{
    /// <summary>Whose lines they are.</summary>
    public const string Category = "Pampa.Dashboard";

    [LoggerMessage(900, LogLevel.Debug, "The dashboard has refused a request with {Status} ({Method}): {Why}")]
    public static partial void Refused(ILogger log, int status, string method, string why);

    [LoggerMessage(901, LogLevel.Error, "The dashboard has met an error of its own ({Method} {Path})")]
    public static partial void Fault(ILogger log, string method, string path, Exception error);

    [LoggerMessage(902, LogLevel.Warning, "Job '{Job}': '{Action}' for many records, asked for by the dashboard, has stopped after {Changed}: {Error}")]
    public static partial void OperationFailed(ILogger log, string job, string action, long changed, string error);

    [LoggerMessage(903, LogLevel.Warning, "Somebody tries to sign in to the dashboard with a wrong secret, from {Address} ({Unsaid} more times since this was last said)")]
    public static partial void WrongSecret(ILogger log, string address, int unsaid);

    [LoggerMessage(904, LogLevel.Error, "The dashboard cannot look at the cluster")]
    public static partial void NotSeen(ILogger log, Exception error);
}
