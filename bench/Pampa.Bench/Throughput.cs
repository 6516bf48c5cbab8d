namespace Pampa.Bench;

/// <summary>The table of bench/results.md for what all records together take.</summary>
internal static class Throughput
{
    public static ResultTable Table { get; } = new("# Results", """
        Medians (lowest..highest) of interleaved runs, appended by `--record`; README.md says what is measured and how.
        Lines of different machines, or of one machine under different load, must not be compared; shares may, with
        care.

        * *tasks/s*: from the first start to the last end; *steady*: between 10 and 90 % done
        * *per CPU s*: tasks per second of processor time of client and server together
        * *WAL*: bytes per task · *MB*: highest working set of the client · *alloc B*: bytes that it allocates per task
        * *limit*: the same updates by plain statements in the same session; *share*: the product's part of it
        """,
        [
            "database", "job", "records", "pairs", "tasks/s", "steady", "per CPU s", "WAL", "MB", "alloc B",
            "limit tasks/s", "share", "limit per CPU s", "share", "machine",
        ]);

    public static string[] Cells(Setting setting, int pairs, Report report, string facts) =>
    [
        setting.Database.Name, setting.Workload.Name,
        FormattableString.Invariant($"{setting.Size:N0}"), FormattableString.Invariant($"{pairs}"),
        Text(report.Of(0, r => r.TasksPerSecond)), Text(report.Of(0, r => r.SteadyTasksPerSecond)),
        Text(report.Of(0, r => r.TasksPerCpuSecond)), Text(report.Of(0, r => r.WalBytesPerTask)),
        Text(report.Of(0, r => r.Client.Memory.PeakSet)), Text(report.Of(0, r => r.AllocatedBytesPerTask)),
        Text(report.Best(r => r.TasksPerSecond)), Text(report.Ratio(r => r.TasksPerSecond), "P0"),
        Text(report.Best(r => r.TasksPerCpuSecond)), Text(report.Ratio(r => r.TasksPerCpuSecond), "P0"), facts,
    ];

    private static string Text(Series? series, string format = "N0") => series?.Text(format) ?? "-";
}
