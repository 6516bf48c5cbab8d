namespace Pampa.Storage;

/// <summary>The control tables of one cluster.</summary>
/// <param name="Cluster">Leases, workers, published jobs.</param>
/// <param name="Exchange">What leader and nodes tell each other.</param>
/// <param name="Control">Who serves what, and what is held.</param>
/// <param name="Schedules">What comes by the clock.</param>
internal sealed record ClusterTables(ClusterStore Cluster, ExchangeStore Exchange, ControlStore Control, ScheduleStore Schedules)
{
    public static ClusterTables Of(Database database, string cluster) =>
        new(new ClusterStore(database, cluster), new ExchangeStore(database, cluster), new ControlStore(database, cluster),
            new ScheduleStore(database, cluster));
}
