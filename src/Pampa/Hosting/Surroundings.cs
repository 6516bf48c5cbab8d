using Microsoft.Extensions.Logging;

namespace Pampa.Hosting;

/// <summary>What a process has from outside: where it writes, what time it is, where chance comes from.</summary>
internal sealed record Surroundings(ILoggerFactory Logs, TimeProvider Time, Random Random)
{
    /// <summary>Told of the jobs that do not fit their tables (<see cref="Preparation.Misfits"/>); null: one that does not is an error.</summary>
    public List<(string Job, string Why)>? Misfits { get; init; }

    /// <summary>Where it writes, which never throws.</summary>
    public ILoggerFactory Logs { get; init; } = SafeLogs.Of(Logs);
}
