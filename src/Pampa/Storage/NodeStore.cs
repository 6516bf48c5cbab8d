using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What a node has said of itself.</summary>
/// <param name="Node">The node.</param>
/// <param name="Life">The session of its first worker: which life of the node has said it.</param>
/// <param name="Vitals">What it has said.</param>
/// <param name="Age">How long ago.</param>
internal sealed record NodeSaid(string Node, long Life, NodeVitals Vitals, TimeSpan Age);

/// <summary>What each process says of itself every few seconds, for people and for the samples of the leader.</summary>
internal sealed class NodeStore(Database database, string cluster)
{
    private Dialect Dialect => database.Dialect;

    /// <summary>Says it, for a life of the node that nobody has followed yet.</summary>
    public Task<int> SayAsync(NodeLife life, NodeVitals vitals, CancellationToken stopping) => database.ExecuteAsync(new Statement($"""
        INSERT INTO pampa_node AS n (cluster, node, life, said, said_at)
        SELECT @cluster, @node, @life, @said, {Dialect.Now}
        WHERE EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = @worker AND w.session = @session)
        ON CONFLICT (cluster, node) DO UPDATE SET life = excluded.life, said = excluded.said, said_at = excluded.said_at
        """) { MayBeForgotten = true, MayRunTwice = true }.With("cluster", cluster).With("node", life.Node).With("life", life.Session).With("said", VitalsText.Write(vitals))
        .With("worker", life.Worker).With("session", life.Session), stopping);

    /// <summary>What all have said within the last minutes.</summary>
    public async Task<List<NodeSaid>> ReadAsync(CancellationToken stopping)
    {
        var said = new ColumnInfo("said_at", Dialect.MomentType, ColumnKind.Time);
        var rows = await database.QueryAsync(
            new Statement($"""
                SELECT node, life, said, {Dialect.SecondsSince("said_at", said)} FROM pampa_node
                WHERE cluster = @cluster AND said_at > {Dialect.NowPlus("-120")} ORDER BY node
                """).With("cluster", cluster),
            row => (Node: row.GetString(0), Life: row.GetInt64(1), Vitals: VitalsText.TryRead(row.GetString(2)),
                Seconds: row.IsDBNull(3) ? 0 : Math.Max(0, row.GetDouble(3))), stopping);
        return [.. rows.Where(r => r.Vitals is not null).Select(r => new NodeSaid(r.Node, r.Life, r.Vitals!, TimeSpan.FromSeconds(r.Seconds)))];
    }

    /// <summary>How many tasks of each job are started, as the nodes last said.</summary>
    public Task<List<(string Job, long Running)>> ReadRunningAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT job, CAST(sum(running) AS bigint) FROM pampa_load WHERE cluster = @cluster AND updated_at > {Dialect.NowPlus("-60")} GROUP BY job
            """).With("cluster", cluster), row => (row.GetString(0), row.GetInt64(1)), stopping);

    /// <summary>Throws away what nodes have said that are silent for an hour, while the lease holds.</summary>
    public Task<int> ForgetAsync(LeaseTerm lease, CancellationToken stopping) => database.ExecuteAsync(lease.Bind(new Statement($"""
        DELETE FROM pampa_node WHERE cluster = @cluster AND said_at < {Dialect.NowPlus("-3600")}
          AND {LeaseTerm.Holds(Dialect)}
        """) { MayRunTwice = true }.With("cluster", cluster)), stopping);
}
