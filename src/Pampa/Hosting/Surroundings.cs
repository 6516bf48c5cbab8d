using Microsoft.Extensions.Logging;

namespace Pampa.Hosting;

/// <summary>What a process has from outside: where it writes, what time it is, where chance comes from.</summary>
internal sealed record Surroundings(ILoggerFactory Logs, TimeProvider Time, Random Random)
{
    /// <summary>Where it writes, which never throws.</summary>
    public ILoggerFactory Logs { get; init; } = SafeLogs.Of(Logs);
}
