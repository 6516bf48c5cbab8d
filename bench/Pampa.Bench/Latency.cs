namespace Pampa.Bench;

/// <summary>Who works on the records whose delays are measured, and what tells them of new ones.</summary>
internal sealed record LatencyCase(string Title, Member[] Processes, bool Wakes)
{
    public const int Workers = 4;

    public string Cause => Wakes ? "woken by the INSERT" : "polling";
}

/// <summary>From the commit of an INSERT to the begin of the handler.</summary>
internal sealed record Latency(int Samples) : IMeasurement
{
    public ResultTable Table { get; } = new("## Latency", """
        From the commit of an INSERT to the begin of the handler on PostgreSQL, one record at a time every 20 to 50 ms,
        appended by `latency --record`. *together*: one process; *apart*: a dispatcher and a node.
        """,
        ["processes", "told by", "samples", .. Delays.Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(
        PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var lines = new List<string[]>();
        foreach (var one in Cases())
        {
            var delays = await new LatencyRun(database, one, Samples, new Random(1)).RunAsync(stopping);
            if (delays is null)
            {
                await output.WriteLineAsync($"{one.Title}, {one.Cause}: this build makes no trigger for that");
                continue;
            }
            lines.Add([one.Title, one.Cause, FormattableString.Invariant($"{Samples:N0}"), .. delays.Cells()]);
            if (delays.Missing > 0)
                throw new RunFailedException($"{one.Title}, {one.Cause}: {delays.Missing} of {Samples} records have not begun");
        }
        await TextTable.WriteAsync([["processes", "told by", "samples", .. Delays.Columns], .. lines], output);
        return lines;
    }

    private static IEnumerable<LatencyCase> Cases()
    {
        Member[] together = [new("all", "run", "--workers", $"{LatencyCase.Workers}")];
        Member[] apart = [Member.Dispatcher, Member.Node("n1", LatencyCase.Workers)];
        foreach (var wakes in (bool[])[false, true])
        {
            yield return new LatencyCase("together", together, wakes);
            yield return new LatencyCase("apart", apart, wakes);
        }
    }
}
