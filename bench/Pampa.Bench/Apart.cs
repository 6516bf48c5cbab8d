namespace Pampa.Bench;

/// <summary>
/// A dispatcher and two nodes as processes of their own: how fast they are beside one process that does it all, and what
/// they cost when there is nothing to do.
/// </summary>
internal sealed record Apart(int Size, int Pairs, int Seconds) : IMeasurement
{
    private const int WorkersEach = 2;
    private const int AllWorkers = 2 * WorkersEach;
    private const double MostPercent = 5;

    private static readonly Member[] Processes =
        [Member.Dispatcher, Member.Node("n1", WorkersEach), Member.Node("n2", WorkersEach)];

    public ResultTable Table { get; } = new("## Apart", """
        A dispatcher and two nodes with two workers each as processes on PostgreSQL, beside one process that does it all
        (*together*), appended by `apart --record`: medians (lowest..highest) of interleaved pairs. *polling*: percent of
        a core that the server uses when nothing is to be done, with an empty table and with the same number of records
        that have ended or are scheduled.
        """,
        [
            "records", "pairs", "tasks/s", "together", "ratio", "per CPU s", "together", "ratio", "polling, empty", "polling, full",
            "machine",
        ]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(
        PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var program = ChildOrder.OwnProgram;
        Side[] sides =
        [
            new SeveralProcesses("apart", program, Processes),
            new OneProcess("together", program, ChildOrder.Product) { Arguments = ["--drain", "--workers", $"{AllWorkers}"] },
        ];
        await output.WriteLineAsync(FormattableString.Invariant($"{Workload.Numbers.Name}, {Size:N0} records"));
        var session = new Session(new Setting(database, Workload.Numbers, Size), sides, Pairs, output);
        var report = new Report(sides, await session.RunAsync(stopping));
        await report.WriteAsync(output);
        var (empty, full) = await WatchAsync(database, stopping);
        await output.WriteLineAsync(FormattableString.Invariant($"\nnothing to do, {Seconds} s"));
        var fullTitle = FormattableString.Invariant($"{Size:N0} ended or scheduled");
        await new QuietReport([("no record", empty), (fullTitle, full)]).WriteAsync(output);
        foreach (var (title, quiet) in ((string, Quiet)[])[("no record", empty), (fullTitle, full)])
        {
            await output.WriteLineAsync(
                QuietReport.Must($"PostgreSQL, {title}", quiet.ServerPercent, " % of a core", MostPercent, mayEqual: true));
        }
        return [Line(report, empty, full)];
    }

    private async Task<(Quiet Empty, Quiet Full)> WatchAsync(PostgresDatabase database, CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Product, Workload.Numbers, address);
            await Child.RunAsync(order with { What = ChildOrder.Prepare }, stopping);
            await using var members = await Members.StartReadyAsync(
                database, order, Processes, AllWorkers, stopping);
            var watch = new QuietWatch(database, members, TimeSpan.FromSeconds(Seconds));
            var empty = await watch.WatchAsync(stopping);
            await database.LoadSettledAsync(Size);
            var full = await watch.WatchAsync(stopping);
            await members.StopAsync(stopping);
            return (empty, full);
        }
        finally
        {
            await database.DropAsync();
        }
    }

    private string[] Line(Report report, Quiet empty, Quiet full)
    {
        static string Text(Series? series, string format = "N0") => series?.Text(format) ?? "-";
        return
        [
            FormattableString.Invariant($"{Size:N0}"), $"{Pairs}",
            Text(report.Of(0, r => r.TasksPerSecond)), Text(report.Of(1, r => r.TasksPerSecond)), Text(report.Ratio(r => r.TasksPerSecond), "N2"),
            Text(report.Of(0, r => r.TasksPerCpuSecond)), Text(report.Of(1, r => r.TasksPerCpuSecond)),
            Text(report.Ratio(r => r.TasksPerCpuSecond), "N2"),
            Text(Series.Of([empty.ServerPercent]), "N2"), Text(Series.Of([full.ServerPercent]), "N2"),
        ];
    }
}
