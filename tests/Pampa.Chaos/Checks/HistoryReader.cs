using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pampa.Chaos.Cluster;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Checks;

/// <summary>Gathers what was written down: the audit of the database, the ledgers of the handlers, the last words of the processes.</summary>
internal static partial class HistoryReader
{
    [GeneratedRegex(@"(\w+): this process: ([\d,]+) started, ([\d,]+) completed, ([\d,]+) to be tried again, ([\d,]+) failed, ([\d,]+) snoozed, ([\d,]+) given back, ([\d,]+) fenced")]
    private static partial Regex LastWord { get; }

    [GeneratedRegex(@"Pampa\[(303|309)\]|Internal error|Unhandled exception")]
    private static partial Regex Surfaced { get; }

    public static async Task<History> ReadAsync(Store store, ProcessCluster cluster, CancellationToken stopping)
    {
        // One clock is monotonic, the other the database's: what lies between them is the same for all.
        var offset = TimeProvider.System.GetUtcNow().UtcDateTime - TimeSpan.FromMilliseconds(Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency);
        return new History
        {
            ReadAt = TimeProvider.System.GetUtcNow().UtcDateTime,
            Steps = await store.QueryAsync($"SELECT seq, {Store.AuditNames} FROM audit ORDER BY seq", Step, stopping),
            Ledger = [.. LedgerLine.ReadAll(cluster.Ledgers).Select(l => (l, offset + TimeSpan.FromMilliseconds(l.At)))],
            Leases = await store.QueryAsync($"SELECT seq, {Store.LeaseNames} FROM lease_audit ORDER BY seq", Lease, stopping),
            Processes = [.. cluster.Members.SelectMany(m => m.Lives.Select(l => Facts(m, l)))],
            Rows = await RowsAsync(store, stopping),
            Effects = await store.QueryAsync(
                $"SELECT id, life, attempt FROM {(store.Shape.Profile == Profile.Portable ? "\"My Schema\".effects" : "effects")}",
                r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2)), stopping),
            HookEvents = await store.QueryAsync(
                "SELECT what, id, attempt, outcome FROM hook_events", r => new HookEvent(r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetString(3)), stopping),
            Journal = await store.QueryAsync($"SELECT id, life, attempt FROM {store.Shape.Journal}", r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2)), stopping),
        };
    }

    public static Task<List<FinalRow>> RowsAsync(Store store, CancellationToken stopping)
    {
        var shape = store.Shape;
        return store.QueryAsync(
            string.Join(" UNION ALL ", shape.All.Select(
                s => $"SELECT id, kind, total, {s.Rid}, {s.Rt}, COALESCE({s.N}, 0), {s.St}, {s.Et}, {s.Ok}, {s.Err} FROM {s.Table}")),
            r => new FinalRow(r.GetInt64(0), Enum.Parse<Kind>(r.GetString(1)), State(r, 3), r.GetInt64(2)), stopping);
    }

    private static AuditStep Step(DbDataReader row)
    {
        var (worker, lease) = Witness(Text(row, 24));
        var (at, tx) = (Time(row, 1)!.Value, Time(row, 2)!.Value);
        return new AuditStep(row.GetInt64(0), at, tx, row.GetString(3), row.GetInt64(4), row.GetInt64(5), State(row, 6), State(row, 15))
        {
            OldResult = Text(row, 13),
            OldTotal = row.GetInt64(14),
            NewResult = Text(row, 22),
            NewTotal = row.GetInt64(23),
            Worker = worker,
            Lease = lease,
        };
    }

    private static LeaseStep Lease(DbDataReader row) => new(
        Time(row, 1)!.Value, Time(row, 2)!.Value, row.GetString(3), row.GetString(4),
        row.IsDBNull(5) ? null : new LeaseRow(row.GetString(5), row.GetInt64(6), Time(row, 7)!.Value),
        new LeaseRow(row.GetString(8), row.GetInt64(9), Time(row, 10)!.Value));

    private static RowState State(DbDataReader row, int at) => new(
        Text(row, at), Time(row, at + 1), row.GetInt64(at + 2), Time(row, at + 3), Time(row, at + 4),
        row.IsDBNull(at + 5) ? null : Convert.ToBoolean(row.GetValue(at + 5), CultureInfo.InvariantCulture), Text(row, at + 6));

    private static string? Text(DbDataReader row, int at) => row.IsDBNull(at) ? null : row.GetString(at);

    public static DateTime? Time(DbDataReader row, int at) => row.IsDBNull(at) ? null : row.GetValue(at) switch
    {
        DateTime time => DateTime.SpecifyKind(time, DateTimeKind.Utc),
        var text => DateTime.Parse((string)text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal),
    };

    private static (LeaseSeen? Worker, LeaseSeen? Lease) Witness(string? text)
    {
        if (text is null) return default;
        using var json = JsonDocument.Parse(text);
        return (Seen(json.RootElement, "worker", "session"), Seen(json.RootElement, "lease", "term"));
    }

    private static LeaseSeen? Seen(JsonElement root, string name, string number) => root.GetProperty(name) is { ValueKind: JsonValueKind.Object } seen
        ? new LeaseSeen(ProcessIn(seen.GetProperty("process").GetString()!), seen.GetProperty(number).GetInt64(), seen.GetProperty("live").GetInt32() == 1,
            // The mark of its registration may stand behind it.
            seen.TryGetProperty("state", out var state) ? state.GetString()!.Split(' ')[0] : "")
        : null;

    /// <summary>Pampa writes machine, boot, namespace, process and its start, with strokes between them.</summary>
    public static int? ProcessIn(string identity) =>
        identity.Split('/') is { Length: >= 2 } parts && int.TryParse(parts[^2], CultureInfo.InvariantCulture, out var id) ? id : null;

    private static ProcessFacts Facts(Member member, Life life)
    {
        var lines = File.Exists(life.Log) ? File.ReadAllLines(life.Log) : [];
        return new ProcessFacts(life.Application, life.Id, member.IsIsolated, life.StartedAt, life.EndedAt)
        {
            Frozen = life.Frozen,
            ExitCode = life.ExitCode,
            WasKilled = life.WasKilled,
            WasStopped = life.WasStopped,
            Belief = member.IsIsolated ? null : BeliefIn(lines),
            SaidNotRecovered = lines.Any(l => l.Contains("Pampa[108]", StringComparison.Ordinal)),
            Surfaced = [.. lines.Where(l => Surfaced.IsMatch(l)).Take(3)],
        };
    }

    // Each job has a last word of its own.
    private static Belief? BeliefIn(string[] lines) => lines.Select(l => LastWord.Match(l)).Where(m => m.Success)
        .GroupBy(m => m.Groups[1].Value).Select(g => BeliefOf(g.Last())).Aggregate(default(Belief), (all, one) => all is null ? one : all + one);

    private static Belief BeliefOf(Match match)
    {
        long Number(int group) => long.Parse(match.Groups[group].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        return new Belief(Number(2), Number(3), Number(4), Number(5), Number(6), Number(7), Number(8));
    }
}
