using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Pampa.Storage;
using Pampa.Tests.Mutations;

namespace Pampa.Tests.Simulation;

/// <summary>What a statement says of one record: its key, the worker, and what stands behind that.</summary>
internal sealed record SentRow(long Key, string Worker, string?[] Rest);

/// <summary>A statement on its way.</summary>
/// <param name="Kind">Which one, in the words of the protocol.</param>
/// <param name="Job">Whose, where it is a job's.</param>
/// <param name="IsWrite">Whether it may change something.</param>
/// <param name="Rows">The records that it names.</param>
internal sealed record Sent(string Kind, JobPlan? Job, bool IsWrite, IReadOnlyList<SentRow> Rows)
{
    /// <summary>The database's clock when it was run.</summary>
    public string Now { get; init; } = "";

    public override string ToString() => $"{Kind} {Job?.Name} {string.Join(' ', Rows.Select(r => $"{r.Key}@{r.Worker}"))}".TrimEnd();
}

/// <summary>Tells statements from their texts; each text is looked at once.</summary>
internal sealed class Reader(IReadOnlyList<JobPlan> jobs)
{
    private readonly Dictionary<string, (string Kind, JobPlan? Job, bool IsWrite)> known = [];

    public Sent Read(string text, DbParameterCollection parameters)
    {
        if (!known.TryGetValue(text, out var found)) known[text] = found = Look(text);
        List<SentRow> rows = found is { Job: not null, IsWrite: true } && parameters.Contains("rows") ? Rows((string)parameters["rows"].Value!) : [];
        if (found.Kind == "FINISH" && !text.Contains("_pampa_outcome", StringComparison.Ordinal)) rows = rows.ConvertAll(Completed);
        return new Sent(found.Kind, found.Job, found.IsWrite, rows);
    }

    private (string, JobPlan?, bool) Look(string text)
    {
        bool Has(string part) => text.Contains(part, StringComparison.Ordinal);
        var isWrite = Has("UPDATE ") || Has("INSERT ") || Has("DELETE ");
        // Without the alias it may be a column that another job on the table brings along.
        var job = jobs.FirstOrDefault(j => Has($"t.\"{j.Name}_end_time\""));
        var kind = isWrite ? Guards.StatementOf(text)
            : Has("IN (SELECT o._pampa_worker") ? "OWN"
            : Has("SELECT worker_id, node, session") ? "WATCH"
            : Has("FROM pampa_hold ") || Has("FROM pampa_hold\n") ? (Has("FROM pampa_handover") ? "MAIL" : "HOLDS")
            : Guards.StatementOf(text) == "RESERVE" ? "PICK" : "READ";
        return (kind ?? "OTHER", job, isWrite);
    }

    // The statement says it for all of its rows: the outcome, and that there is no delay and no error.
    private static SentRow Completed(SentRow row) => row with { Rest = [.. row.Rest[..2], nameof(Outcome.Completed), "0", null, null, .. row.Rest[2..]] };

    private static List<SentRow> Rows(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(row =>
        {
            var cells = row.EnumerateArray().Select(Text).ToArray();
            return new SentRow(long.Parse(cells[0]!, CultureInfo.InvariantCulture), cells[1]!, cells[2..]);
        })];
    }

    private static string? Text(JsonElement cell) => cell.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => cell.GetString(),
        _ => cell.GetRawText(),
    };
}
