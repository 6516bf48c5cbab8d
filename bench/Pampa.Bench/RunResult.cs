namespace Pampa.Bench;

/// <summary>What a child process says of itself at its end.</summary>
internal sealed record ClientUse(double CpuSeconds, long AllocatedBytes, MemoryUse Memory)
{
    /// <summary>What two processes used together.</summary>
    public ClientUse With(ClientUse other) => new(
        CpuSeconds + other.CpuSeconds, AllocatedBytes + other.AllocatedBytes, Memory.With(other.Memory));
}

/// <summary>
/// Memory in MB: the highest sample, and the medians of the second and of the last quarter of the run, which must not
/// differ much whatever the number of records.
/// </summary>
internal sealed record MemoryUse(
    double PeakHeap, double EarlyHeap, double LateHeap, double PeakSet, double EarlySet, double LateSet)
{
    public MemoryUse With(MemoryUse other) => new(
        PeakHeap + other.PeakHeap, EarlyHeap + other.EarlyHeap, LateHeap + other.LateHeap,
        PeakSet + other.PeakSet, EarlySet + other.EarlySet, LateSet + other.LateSet);
}

/// <summary>What the server used between two looks at it; null where it cannot be told.</summary>
internal sealed record ServerUse(double? CpuSeconds, long? WalBytes, long? Commits)
{
    public ServerUse Since(ServerUse before) =>
        new(CpuSeconds - before.CpuSeconds, WalBytes - before.WalBytes, Commits - before.Commits);
}

/// <summary>
/// What the table says of a run: its times by the database's own clock, and how many records are right.
/// </summary>
internal sealed record TableFacts(long Records, long Right, double Seconds, double SteadySeconds);

/// <summary>One measured run.</summary>
internal sealed record RunResult(int Size, ClientUse Client, ServerUse Server, TableFacts Table)
{
    public double TasksPerSecond => Size / Table.Seconds;

    /// <summary>Between the record that ended as the first tenth and the one that ended as the ninth.</summary>
    public double SteadyTasksPerSecond => 0.8 * Size / Table.SteadySeconds;

    public double? TasksPerCpuSecond =>
        Server.CpuSeconds is { } server ? Size / (Client.CpuSeconds + server) : null;

    public double ClientMicroseconds => Client.CpuSeconds * 1e6 / Size;

    public double? ServerMicroseconds => Server.CpuSeconds * 1e6 / Size;

    public double? WalBytesPerTask => (double?)Server.WalBytes / Size;

    public double AllocatedBytesPerTask => (double)Client.AllocatedBytes / Size;

    public double? TasksPerCommit => Server.Commits is > 0 and var commits ? (double)Size / commits : null;
}
