namespace Pampa.Bench.Comparing;

/// <summary>How long a peer is looked at, once it has begun.</summary>
internal sealed record Window(TimeSpan WarmUp, TimeSpan Length)
{
    /// <summary>For which time a backlog must last; the end of the look takes a moment, too.</summary>
    public TimeSpan Whole => WarmUp + Length + TimeSpan.FromSeconds(1);
}

/// <summary>What a peer did in a window.</summary>
/// <param name="Backlog">Tasks that were there at the start.</param>
/// <param name="RanOut">Whether the window had to end early, because hardly any were left.</param>
/// <param name="Seconds">Of the window.</param>
/// <param name="Tasks">That ended in it.</param>
/// <param name="ClientCpu">Seconds of processor time of his process.</param>
/// <param name="ServerCpu">The same of PostgreSQL; null where it is not to be seen.</param>
/// <param name="WalBytes">Written by the server, by whomever.</param>
/// <param name="Megabytes">His highest working set.</param>
/// <param name="BusySeconds">That handlers took, together.</param>
/// <param name="Workers">That he has.</param>
/// <param name="PerSecond">Tasks of each second.</param>
internal sealed record Rate(
    int Backlog, bool RanOut, double Seconds, double Tasks, double ClientCpu, double? ServerCpu, double WalBytes, double Megabytes,
    double BusySeconds, int Workers, IReadOnlyList<double> PerSecond)
{
    public double TasksPerSecond => Tasks / Seconds;

    public double? TasksPerCpuSecond => ServerCpu is { } server ? Tasks / (ClientCpu + server) : null;

    public double ClientMicroseconds => ClientCpu * 1e6 / Tasks;

    public double? ServerMicroseconds => ServerCpu * 1e6 / Tasks;

    public double WalPerTask => WalBytes / Tasks;

    /// <summary>The share of the workers' time that handlers took: of handlers that only wait, the share of the ideal rate.</summary>
    public double? Ideal => BusySeconds > 0 ? BusySeconds / (Workers * Seconds) : null;

    /// <summary>The rate of the last ten seconds in parts of that of the first ten; null where the window is shorter than twenty.</summary>
    public double? Steadiness => PerSecond.Count < 20 ? null : PerSecond.TakeLast(10).Sum() / PerSecond.Take(10).Sum();
}
