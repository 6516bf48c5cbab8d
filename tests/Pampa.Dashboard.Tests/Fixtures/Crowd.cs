namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>More workers than anybody would read through, on a node of their own, or on many.</summary>
internal static class Crowd
{
    public const int Workers = 1_000;

    /// <summary>The one that takes no tasks yet.</summary>
    public const string Recovering = "big.978";

    public const int Nodes = 705;

    /// <summary>So many nodes of one worker each, node.1001 and so on.</summary>
    public static Task JoinNodesAsync(Site site) => site.WriteAsync($"""
        INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
        WITH RECURSIVE n (v) AS (SELECT 1001 UNION ALL SELECT v + 1 FROM n WHERE v < {Nodes + 1000})
        SELECT 'pampa', 'node.' || v || '.1', 'node.' || v, 1, 'elsewhere', 'shop 1.0', 'ready', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
          strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour') FROM n
        """);

    public static Task JoinAsync(Site site) => site.WriteAsync($"""
        INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
        WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {Workers})
        SELECT 'pampa', 'big.' || v, 'big', 1, 'elsewhere', 'shop 1.0', CASE WHEN 'big.' || v = '{Recovering}' THEN 'recovering' ELSE 'ready' END,
          strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour') FROM n
        """);
}
