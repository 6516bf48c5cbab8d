namespace Pampa.Bench;

/// <summary>Appends to bench/results.md, one line a setting.</summary>
internal sealed class Results(string file, TimeProvider time)
{
    private const string Head = """
        # Results

        Medians (lowest..highest) of interleaved runs, appended by `--record`; README.md says what is measured and how.
        Lines of different machines, or of one machine under different load, must not be compared; shares may, with
        care.

        * *tasks/s*: from the first start to the last end; *steady*: between 10 and 90 % done
        * *per CPU s*: tasks per second of processor time of client and server together
        * *WAL*: bytes per task · *MB*: highest working set of the client
        * *limit*: the same updates by plain statements in the same session; *share*: the product's part of it


        """;

    private static readonly string[] Columns =
    [
        "date", "commit", "database", "job", "records", "pairs", "tasks/s", "steady", "per CPU s", "WAL", "MB",
        "limit tasks/s", "share", "limit per CPU s", "share", "machine",
    ];

    /// <summary>The file beside this project's folder, looked for from the program's folder upwards.</summary>
    public static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Pampa.slnx")))
                return Path.Combine(folder.FullName, "bench", "results.md");
        }
        return Path.GetFullPath("results.md");
    }

    public async Task AppendAsync(Setting setting, int pairs, Report report, string facts)
    {
        if (!File.Exists(file))
            await File.WriteAllTextAsync(file, $"{Head}{Line(Columns)}{Line(Columns.Select(_ => "---"))}");
        string Text(Series? series, string format = "N0") => series?.Text(format) ?? "-";
        string[] cells =
        [
            FormattableString.Invariant($"{time.GetUtcNow():yyyy-MM-dd}"), Machine.Commit(),
            setting.Database.Name, setting.Workload.Name,
            FormattableString.Invariant($"{setting.Size:N0}"), FormattableString.Invariant($"{pairs}"),
            Text(report.Of(0, r => r.TasksPerSecond)), Text(report.Of(0, r => r.SteadyTasksPerSecond)),
            Text(report.Of(0, r => r.TasksPerCpuSecond)), Text(report.Of(0, r => r.WalBytesPerTask)),
            Text(report.Of(0, r => r.Client.Memory.PeakSet)),
            Text(report.Best(r => r.TasksPerSecond)), Text(report.Ratio(r => r.TasksPerSecond), "P0"),
            Text(report.Best(r => r.TasksPerCpuSecond)), Text(report.Ratio(r => r.TasksPerCpuSecond), "P0"), facts,
        ];
        await File.AppendAllTextAsync(file, Line(cells));
    }

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |\n";
}
