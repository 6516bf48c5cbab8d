namespace Pampa.Bench.Comparing;

/// <summary>All peers in turns, again and again, on each job.</summary>
internal sealed record CompareRates(
    IReadOnlyList<Peer> Peers, IReadOnlyList<Workload> Jobs, Window Window, int Pairs, string? Charts) : IMeasurement
{
    public ResultTable Table { get; } = new("## Compared: rates", """
        All peers on one PostgreSQL in turns, appended by `compare --record`: medians (lowest..highest). *ratio*: Pampa's figure in
        parts of the peer's, of the same pair. README.md says who they are, how they are set up, and what was measured.
        """,
        [.. RateReport.Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        await output.WriteLineAsync(FormattableString.Invariant(
            $"Rates: {Pairs} times {Window.WarmUp.TotalSeconds} s to warm up and {Window.Length.TotalSeconds} s that count\n{RateReport.Versions(Peers, Jobs)}\n"));
        var lines = new List<string[]>();
        var judgements = new List<string>();
        foreach (var job in Jobs)
        {
            var peers = Peers.Where(p => p.Does(job)).ToList();
            var report = new RateReport(job, peers, await RunAsync(database, job, peers, output, stopping));
            lines.AddRange(report.Lines());
            if (peers[0] is PampaPeer) judgements.AddRange(report.Judgements());
            if (Charts is not null) RateChart.SaveBars(Path.Combine(Charts, $"rates-{job.Name}.png"), job, peers, report);
        }
        await output.WriteLineAsync();
        await TextTable.WriteAsync([RateReport.Columns, .. lines], output);
        foreach (var judgement in judgements) await output.WriteLineAsync(judgement);
        return lines;
    }

    private async Task<List<Rate>[]> RunAsync(
        PostgresDatabase database, Workload job, List<Peer> peers, TextWriter output, CancellationToken stopping)
    {
        var rates = peers.ConvertAll(_ => new List<Rate>()).ToArray();
        for (var pair = 1; pair <= Pairs; pair++)
        {
            for (var turn = 0; turn < peers.Count; turn++)
            {
                // Each round begins with another one: what comes first finds another computer than what comes last.
                var i = (turn + pair - 1) % peers.Count;
                var rate = await new RateRun(database, peers[i], job, Window).RunAsync(stopping);
                rates[i].Add(rate);
                await output.WriteLineAsync(FormattableString.Invariant(
                    $"  {job.Name} {pair}/{Pairs} {peers[i].Name}: {rate.TasksPerSecond:N0} tasks/s, {rate.TasksPerCpuSecond:N0} per CPU s{(rate.RanOut ? ", the backlog ran out" : "")}"));
            }
        }
        return rates;
    }
}
