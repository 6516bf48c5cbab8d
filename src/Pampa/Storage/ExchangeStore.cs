using System.Globalization;
using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Reservations that the leader has handed to a node of another process: one message of one RESERVE.</summary>
/// <param name="Batch">The RESERVE that they come from.</param>
/// <param name="Job">Their job.</param>
/// <param name="Rows">The reservations, as <see cref="HandOverText"/> writes them.</param>
internal sealed record HandOver(string Batch, string Job, string Rows);

/// <summary>What a node finds when it looks: what was handed over to it, and what is held now.</summary>
internal sealed record Mail(List<HandOver> HandOvers, Holds Holds);

/// <summary>What the leader knows of another node and one job.</summary>
/// <param name="Node">The node.</param>
/// <param name="Job">The job.</param>
/// <param name="Batch">A message that the node has not taken in yet; null where this is the node's own word.</param>
/// <param name="Hands">What its workers have in hand, as it last said; null where another version said it otherwise.</param>
/// <param name="P90">How long nine of ten of its tasks take at most; null where none has ended yet.</param>
internal sealed record NodeWord(string Node, string Job, string? Batch, IReadOnlyDictionary<string, WorkerWord>? Hands, TimeSpan? P90);

/// <summary>What leader and nodes tell each other: reservations one way, loads the other. Both live in control tables.</summary>
internal sealed class ExchangeStore(Database database, string cluster)
{
    private static readonly RowSource LoadRows = new("loads",
    [
        new("_pampa_job", CellKind.Text), new("_pampa_hand", CellKind.Integer), new("_pampa_running", CellKind.Integer),
        new("_pampa_rate", CellKind.Text), new("_pampa_p50", CellKind.Text), new("_pampa_p90", CellKind.Text),
        new("_pampa_hands", CellKind.Text),
    ]);

    private static readonly RowSource BatchRows = new("batches", [new("_pampa_batch", CellKind.Text)]);

    private Dialect Dialect => database.Dialect;

    /// <summary>
    /// A node's turn: what it has taken in is thrown away, what it does now is said, and what waits for it is read. The
    /// first two are one transaction, so that the leader never counts a record twice or not at all. What is held comes along.
    /// A life that another one has followed says nothing any more, and neither reads nor throws away what is the other's.
    /// </summary>
    /// <param name="life">The node.</param>
    /// <param name="said">Its loads; null where they are as it last said.</param>
    /// <param name="taken">The batches that it has taken in and that <paramref name="said"/> tells of.</param>
    /// <param name="stopping">Gives up.</param>
    public Task<Mail> ExchangeAsync(
        NodeLife life, IReadOnlyList<NodeLoad>? said, IReadOnlyCollection<string> taken, CancellationToken stopping)
    {
        if (said is null && taken.Count == 0) return ReadAsync(database);
        return database.UnitAsync(async unit =>
        {
            if (said is not null) await unit.ExecuteAsync(Say(life, said));
            if (taken.Count > 0) await unit.ExecuteAsync(Forget(life, taken));
            return await ReadAsync(unit);
        }, stopping);

        async Task<Mail> ReadAsync(IReader reader)
        {
            var rows = await reader.QueryAsync(
                By(life, $"""
                    SELECT id, job, rows, NULL AS kind, created_at FROM pampa_handover WHERE cluster = @cluster AND node = @node AND {IsCurrent}
                    UNION ALL SELECT name, '', '', kind, held_at FROM pampa_hold
                    WHERE cluster = @cluster AND {HoldText.IsKnown} AND (held_until IS NULL OR held_until > {Dialect.Now}) ORDER BY created_at, id
                    """),
                row => (HandOver: new HandOver(row.GetString(0), row.GetString(1), row.GetString(2)), Kind: row.IsDBNull(3) ? null : row.GetString(3)),
                stopping);
            return new Mail([.. rows.Where(r => r.Kind is null).Select(r => r.HandOver)],
                new Holds(rows.Where(r => r.Kind is not null).Select(r => HoldText.Read(r.Kind!, r.HandOver.Batch))));
        }
    }

    private const string IsCurrent =
        "EXISTS (SELECT 1 FROM pampa_worker AS w WHERE w.cluster = @cluster AND w.worker_id = @worker AND w.session = @session)";

    private Statement By(NodeLife life, string text) => new Statement(text).With("cluster", cluster).With("node", life.Node)
        .With("worker", life.Worker).With("session", life.Session);

    private Statement Forget(NodeLife life, IReadOnlyCollection<string> taken)
    {
        var statement = By(life, $"""
            DELETE FROM pampa_handover WHERE cluster = @cluster AND node = @node
              AND id IN (SELECT b._pampa_batch FROM ({Dialect.Rows(BatchRows)}) AS b) AND {IsCurrent}
            """);
        Dialect.Bind(statement, BatchRows, [.. taken.Select(batch => new[] { batch })]);
        return statement;
    }

    private Statement Say(NodeLife life, IReadOnlyList<NodeLoad> loads)
    {
        var statement = By(life, $"""
            INSERT INTO pampa_load AS l (cluster, node, job, in_hand, running, per_second, p50_ms, p90_ms, hands, updated_at)
            SELECT @cluster, @node, v._pampa_job, v._pampa_hand, v._pampa_running, CAST(v._pampa_rate AS double precision),
              CAST(v._pampa_p50 AS double precision), CAST(v._pampa_p90 AS double precision), v._pampa_hands, {Dialect.Now}
            FROM ({Dialect.Rows(LoadRows)}) AS v WHERE {IsCurrent}
            ON CONFLICT (cluster, node, job) DO UPDATE SET in_hand = excluded.in_hand, running = excluded.running, per_second = excluded.per_second,
              p50_ms = excluded.p50_ms, p90_ms = excluded.p90_ms, hands = excluded.hands, updated_at = excluded.updated_at
            """);
        Dialect.Bind(statement, LoadRows, [.. loads.Select(l => new[]
        {
            l.Job, Text(l.InHand), Text(l.Running), Text(l.PerSecond), Text(l.Median.TotalMilliseconds), Text(l.P90.TotalMilliseconds),
            HandsText.Write(l.Hands),
        })]);
        return statement;
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>What the other nodes have in hand, and what is on its way to them: of one and the same moment.</summary>
    public Task<List<NodeWord>> ReadNodesAsync(string ownNode, CancellationToken stopping) =>
        database.QueryAsync(new Statement("""
            SELECT node, job, hands, p90_ms, NULL FROM pampa_load WHERE cluster = @cluster AND node <> @own
            UNION ALL SELECT node, job, NULL, NULL, id FROM pampa_handover WHERE cluster = @cluster AND node <> @own
            """).With("cluster", cluster).With("own", ownNode),
            row => new NodeWord(row.GetString(0), row.GetString(1), row.IsDBNull(4) ? null : row.GetString(4),
                row.IsDBNull(2) ? HandsText.None : HandsText.TryRead(row.GetString(2)),
                row.IsDBNull(3) || row.GetDouble(3) <= 0 ? null : TimeSpan.FromMilliseconds(row.GetDouble(3))), stopping);

    /// <summary>What a node that leaves has said is true no more.</summary>
    public Task ForgetNodeAsync(NodeLife life, CancellationToken stopping) =>
        database.ExecuteAsync(By(life, $"DELETE FROM pampa_load WHERE cluster = @cluster AND node = @node AND {IsCurrent}"), stopping);

    /// <summary>
    /// The same for nodes that have had no worker for ten minutes, and what nobody will take in. Sooner would be wrong:
    /// after an outage everybody's lease is over, and everybody may come back.
    /// </summary>
    public Task ForgetDeadNodesAsync(CancellationToken stopping) => database.UnitAsync(async unit =>
    {
        foreach (var table in (string[])["pampa_load", "pampa_handover"])
        {
            await unit.ExecuteAsync(new Statement($"""
                DELETE FROM {table} WHERE cluster = @cluster AND NOT EXISTS (SELECT 1 FROM pampa_worker AS w
                  WHERE w.cluster = @cluster AND w.node = {table}.node AND w.state <> '{WorkerStates.Resigned}' AND w.expires_at > {Dialect.NowPlus("-600")})
                """).With("cluster", cluster));
        }
        return 0;
    }, stopping);
}

/// <summary>What a node is told of a hand-over: that there is one, and where it is short also what it is.</summary>
internal static class HandOverMessage
{
    /// <summary>Bytes of <see cref="HandOver.Rows"/> up to which they are told: every node hears what is told to any.</summary>
    public const int MaxRows = 1500;

    /// <summary>No node has this name.</summary>
    public const string All = "*";

    /// <summary>That all nodes shall look.</summary>
    public const string ToAll = $"[\"{All}\"]";

    /// <summary>For whom it is, and what; where another version wrote something else, it is a node's name.</summary>
    public static (string? Node, HandOver? HandOver) Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            string[] parts = [.. document.RootElement.EnumerateArray().Select(p => p.GetString()!)];
            return (parts[0], parts.Length < 4 ? null : new HandOver(parts[1], parts[2], parts[3]));
        }
        catch (Exception e) when (HandsText.IsForeign(e))
        {
            return (text, null);
        }
    }
}

/// <summary>A message's reservations as text: a list of [key parts…, worker, reserved at, attempts].</summary>
internal static class HandOverText
{
    public static string Write(IEnumerable<Reservation> reservations)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var r in reservations)
            {
                json.WriteStartArray();
                foreach (var part in r.Key.Parts()) json.WriteStringValue(part);
                json.WriteStringValue(r.Worker);
                json.WriteStringValue(r.ReservedAt);
                json.WriteNumberValue(r.Attempts);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>
    /// Null where another version wrote them in a way that this one does not know.
    /// </summary>
    public static List<Reservation>? Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return [.. document.RootElement.EnumerateArray().Select(row =>
            {
                var cells = row.EnumerateArray().ToArray();
                var key = new TaskKey([.. cells[..^3].Select(c => c.GetString()!)]);
                return new Reservation(key, cells[^3].GetString()!, cells[^2].GetString()!, cells[^1].GetInt32());
            })];
        }
        catch (Exception e) when (HandsText.IsForeign(e))
        {
            return null;
        }
    }
}

/// <summary>What the workers of a node have in hand, as text: a list of [worker, count, whether it rests, whether it is leaked, whether it is busy].</summary>
internal static class HandsText
{
    public static readonly IReadOnlyDictionary<string, WorkerWord> None = new Dictionary<string, WorkerWord>();

    public static string Write(IEnumerable<WorkerWord> hands)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var hand in hands)
            {
                json.WriteStartArray();
                json.WriteStringValue(hand.Worker);
                json.WriteNumberValue(hand.Count);
                json.WriteBooleanValue(hand.IsResting);
                json.WriteBooleanValue(hand.IsLeaked);
                json.WriteBooleanValue(hand.IsBusy);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Null: another version wrote it, in a way that this one does not know.</summary>
    public static Dictionary<string, WorkerWord>? TryRead(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.EnumerateArray()
                .Select(hand => new WorkerWord(
                    hand[0].GetString()!, hand[1].GetInt32(), hand[2].GetBoolean(), Is(hand, 3), Is(hand, 4)))
                .ToDictionary(hand => hand.Worker, StringComparer.Ordinal);
        }
        catch (Exception e) when (IsForeign(e))
        {
            return null;
        }
    }

    // An older version said less.
    private static bool Is(JsonElement hand, int cell) => hand.GetArrayLength() > cell && hand[cell].GetBoolean();

    /// <summary>Whether an error of reading means that another version wrote the text.</summary>
    public static bool IsForeign(Exception error) =>
        error is JsonException or InvalidOperationException or FormatException or IndexOutOfRangeException or ArgumentException;
}
