using System.Diagnostics;

namespace Pampa.Chaos.Cluster;

/// <summary>One process of a member, from its start to its end.</summary>
/// <param name="Member">Whose.</param>
/// <param name="Application">How its connections call themselves: the member and the number of the life.</param>
/// <param name="Process">The process.</param>
/// <param name="Log">What it says.</param>
/// <param name="StartedAt">On the database's clock, which is this computer's.</param>
internal sealed record Life(string Member, string Application, Process Process, string Log, DateTime StartedAt)
{
    public int Id { get; } = Process.Id;

    public DateTime? EndedAt { get; set; }

    public int? ExitCode { get; set; }

    /// <summary>Whether the harness has ended it: then its exit code says nothing.</summary>
    public bool WasKilled { get; set; }

    /// <summary>Whether it was told to stop in good order.</summary>
    public bool WasStopped { get; set; }

    /// <summary>When it stood still, by a signal.</summary>
    public List<(DateTime From, DateTime? To)> Frozen { get; } = [];

    /// <summary>How much memory it had when it was a minute old, in bytes.</summary>
    public long WarmMemory { get; set; }

    public bool HasEnded => EndedAt is not null;

    /// <summary>Whether it was running, and not frozen, all the time from one moment to another.</summary>
    public bool RanFrom(DateTime from, DateTime to) =>
        StartedAt <= from && (EndedAt is null || EndedAt > to) && !Frozen.Exists(f => f.From <= to && (f.To is null || f.To >= from));
}
