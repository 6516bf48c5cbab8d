namespace Pampa.Storage;

/// <summary>The control tables of one cluster.</summary>
/// <param name="Cluster">Leases, workers, published jobs.</param>
/// <param name="Exchange">What leader and nodes tell each other.</param>
/// <param name="Control">Who serves what, and what is held.</param>
/// <param name="Schedules">What comes by the clock.</param>
internal sealed record ClusterTables(ClusterStore Cluster, ExchangeStore Exchange, ControlStore Control, ScheduleStore Schedules)
{
    /// <summary>What people have done.</summary>
    public required AuditStore Audit { get; init; }

    /// <summary>What happened to single records.</summary>
    public required HistoryStore History { get; init; }

    /// <summary>What the processes say of themselves.</summary>
    public required NodeStore Nodes { get; init; }

    /// <summary>How the jobs went.</summary>
    public required SampleStore Samples { get; init; }

    /// <summary>The tables of a cluster, for a process that runs this program.</summary>
    public static ClusterTables Of(Database database, string cluster, string? program = null) =>
        new(new ClusterStore(database, cluster) { Program = program ?? ProcessIdentity.Program }, new ExchangeStore(database, cluster),
            new ControlStore(database, cluster), new ScheduleStore(database, cluster))
        {
            Audit = new AuditStore(database, cluster),
            History = new HistoryStore(database, cluster),
            Nodes = new NodeStore(database, cluster),
            Samples = new SampleStore(database, cluster),
        };
}
