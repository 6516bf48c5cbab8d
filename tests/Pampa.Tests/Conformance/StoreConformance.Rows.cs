using System.Globalization;
using System.Text.Json;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>Records as the tests put them in and look at them, past the library.</summary>
public abstract partial class StoreConformance
{
    /// <summary>A record's state columns and data.</summary>
    internal sealed record Row
    {
        public string? Rid { get; init; }

        public DateTime? Rt { get; init; }

        public int? N { get; init; }

        public DateTime? St { get; init; }

        public DateTime? Et { get; init; }

        public bool? Ok { get; init; }

        public string? Err { get; init; }

        public bool? Flag { get; init; }

        public string? Note { get; init; }

        public int? Score { get; init; }

        public int? Generation { get; init; }

        public static readonly Row Fresh = new();
    }

    private string[] AllColumns =>
    [
        Profile.Columns.ReservationId, Profile.Columns.ReservationTime, Profile.Columns.ReservationTimes, Profile.Columns.StartTime,
        Profile.Columns.EndTime, Profile.Columns.Success, Profile.Columns.ErrorDescription, Profile.Flag, Profile.Note, Profile.Score,
        Profile.Generation,
    ];

    private string QuotedTable => Profile.Table;

    private protected Task InsertAsync(int number, Row? row = null) => InsertAsync([(number, row ?? Row.Fresh)]);

    private protected Task InsertAsync(IEnumerable<int> numbers) => InsertAsync(numbers.Select(n => (n, Row.Fresh)));

    private protected Task InsertAsync(IEnumerable<(int Number, Row Row)> rows)
    {
        var values = rows.Select(r =>
        {
            object?[] cells = [r.Row.Rid, r.Row.Rt, r.Row.N, r.Row.St, r.Row.Et, r.Row.Ok, r.Row.Err, r.Row.Flag, r.Row.Note, r.Row.Score, r.Row.Generation];
            return $"({string.Join(", ", Profile.KeyLiterals(r.Number).Concat(cells.Select(TableProfile.Literal)))})";
        });
        return Db.ExecuteAsync(
            $"INSERT INTO {QuotedTable} ({Profile.KeyList}, {string.Join(", ", AllColumns.Select(TableProfile.Quote))}) VALUES {string.Join(", ", values)}");
    }

    /// <summary>Changes columns of a record by hand: what another process, or a user, might have done.</summary>
    private protected Task ChangeAsync(int number, string column, object? value) =>
        Db.ExecuteAsync($"UPDATE {QuotedTable} SET {TableProfile.Quote(column)} = {TableProfile.Literal(value)} WHERE {Profile.KeyIs(number)}");

    private protected async Task<Row> RowAsync(int number)
    {
        var rows = await Db.ReadAsync(
            $"SELECT {string.Join(", ", AllColumns.Select(TableProfile.Quote))} FROM {QuotedTable} WHERE {Profile.KeyIs(number)}");
        var cells = Assert.Single(rows);
        return new Row
        {
            Rid = (string?)cells[0],
            Rt = Time(cells[1]),
            N = Integer(cells[2]),
            St = Time(cells[3]),
            Et = Time(cells[4]),
            Ok = Flag(cells[5]),
            Err = (string?)cells[6],
            Flag = Flag(cells[7]),
            Note = (string?)cells[8],
            Score = Integer(cells[9]),
            Generation = Integer(cells[10]),
        };
    }

    private static int? Integer(object? cell) => cell is null ? null : Convert.ToInt32(cell, CultureInfo.InvariantCulture);

    private static bool? Flag(object? cell) => cell is null ? null : Convert.ToBoolean(cell, CultureInfo.InvariantCulture);

    private static DateTime? Time(object? cell) => cell switch
    {
        null => null,
        DateTime time => DateTime.SpecifyKind(time, DateTimeKind.Utc),
        string text => DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal),
        _ => throw new InvalidOperationException(cell.GetType().Name),
    };

    /// <summary>The hand-over rows: node, job, term, and each record as its texts.</summary>
    private protected async Task<List<(string Node, string Job, long Term, List<string[]> Rows)>> HandOversAsync() =>
    [
        .. (await Db.ReadAsync("SELECT node, job, term, rows FROM pampa_handover ORDER BY created_at, node, id"))
            .Select(r => ((string)r[0]!, (string)r[1]!, Convert.ToInt64(r[2], CultureInfo.InvariantCulture), Rows((string)r[3]!))),
    ];

    private static List<string[]> Rows(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(row => row.EnumerateArray().Select(cell => cell.ToString()).ToArray())];
    }

    private protected async Task UnchangedAsync(int number, Row before) => Assert.Equal(before, await RowAsync(number));

    private protected async Task<string> HeartbeatOfAsync(string worker) =>
        (await Workers.ReadWorkersAsync(Stopping)).Single(w => w.Id == worker).Heartbeat;

    private protected ColumnChanges Changes(TaskStore store, params (string Column, object? Value)[] changes)
    {
        var sorted = changes.Select(c => (Index: store.Table.WritableColumn(c.Column), c.Value)).OrderBy(c => c.Index).ToList();
        return new ColumnChanges(store.Table, [.. sorted.Select(c => c.Index)],
            [.. sorted.Select(c => Db.Database.Dialect.Encode(c.Value, store.Table.RecordColumns[c.Index]))]);
    }
}
