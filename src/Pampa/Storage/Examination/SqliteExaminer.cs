using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Pampa.Storage.Examination;

/// <summary>SQLite: the file, where it is, and how it is written.</summary>
internal sealed class SqliteExaminer : Examiner
{
    private const long LongLog = 64L << 20;

    public override IEnumerable<Check> OfServer(string connectionString) =>
    [
        new("the file's settings", unit => OfSettingsAsync(unit)),
        new("the file's place", _ => Task.FromResult(OfFile(new SqliteConnectionStringBuilder(connectionString).DataSource))),
    ];

    private static async Task<IEnumerable<Finding>> OfSettingsAsync(Database.Unit unit)
    {
        var mode = (await TextsAsync(unit, new Statement("PRAGMA journal_mode")))[0];
        var synchronous = (await unit.QueryAsync(new Statement("PRAGMA synchronous"), row => row.GetInt64(0)))[0];
        return
        [
            .. mode.Equals("wal", StringComparison.OrdinalIgnoreCase) ? [] : (Finding[])[Finding.Warning("not-wal", "file",
                $"The journal mode is {mode}, not WAL: whoever reads keeps writers waiting, and the other way round.", "Put the file where WAL works (a disk of this computer), and end what holds it open in another mode.")],
            .. synchronous > 0 ? [] : (Finding[])[Finding.Warning("synchronous-off", "file",
                "synchronous is OFF: a crash of the computer can lose completions, or damage the file.", "Leave synchronous as Pampa sets it (NORMAL).")],
        ];
    }

    private static IEnumerable<Finding> OfFile(string file)
    {
        if (file.Length == 0 || file.Contains(":memory:", StringComparison.Ordinal)) yield break;
        var path = Path.GetFullPath(file);
        if (NetworkFiles.TypeOf(path) is { } type)
            yield return Finding.Error("network-file", "file", $"The file is on a network file system ({type}), whose locks are not to be relied on: several computers, and even several processes, can damage it.", "Put it on a disk of this computer, or use PostgreSQL.");
        var log = new FileInfo($"{path}-wal");
        if (log.Exists && log.Length >= LongLog)
            yield return Finding.Warning("long-wal", "file",
                string.Create(CultureInfo.InvariantCulture, $"The write-ahead log has {log.Length >> 20:N0} MB: somebody reads in a transaction that does not end, so that it cannot be written back and every look gets slower."),
                "End long transactions and readers that forget to close; then PRAGMA wal_checkpoint(TRUNCATE).");
    }

    public override IEnumerable<Check> OfTable(JobTable job) => [];

    public override async Task<bool> HasIndexOfOpenAsync(Database.Unit unit, JobTable job) => (await TextsAsync(unit,
        new Statement($"SELECT sql FROM {Dialect.Quote(job.Table.Schema)}.sqlite_schema WHERE type = 'index' AND tbl_name = @table AND sql IS NOT NULL").With("table", job.Table.Name)))
        .Exists(definition => IndexText.IsOfOpen(definition, job.State[(int)StateColumn.EndTime].Name));

    public override async Task<PlanSummary> PlanAsync(Database.Unit unit, JobTable job, Statement pick)
    {
        var lines = await unit.QueryAsync(Before("EXPLAIN QUERY PLAN", pick), row => row.GetString(3));
        // A record is found by the rowid while the table is walked through: that is a scan without an index, too.
        var scans = lines.Exists(line => line == "SCAN t");
        return new PlanSummary(lines, scans, lines.Exists(line => line.StartsWith("USE TEMP B-TREE FOR", StringComparison.Ordinal)), scans);
    }
}
