namespace Pampa.Bench;

/// <summary>Many workers that have nothing to do.</summary>
internal sealed record Idle(int Nodes, int Workers, int Seconds) : IMeasurement
{
    private const double MostPercent = 2;
    private const int MostConnections = 5;

    public ResultTable Table { get; } = new("## Idle", """
        A dispatcher and nodes as processes on PostgreSQL with nothing to do, appended by `idle --record`: medians
        (lowest..highest) of the nodes.
        """,
        ["nodes", "workers each", "seconds", .. QuietReport.Columns, "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(
        PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var nodes = Enumerable.Range(1, Nodes).Select(n => Member.Node($"n{n}", Workers));
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Product, Workload.Crowd, address);
            await Child.RunAsync(order with { What = ChildOrder.Prepare }, stopping);
            await using var members = await Members.StartReadyAsync(
                database, order, [Member.Dispatcher, .. nodes], Nodes * Workers, stopping);
            var quiet = await new QuietWatch(database, members, TimeSpan.FromSeconds(Seconds)).WatchAsync(stopping);
            await members.StopAsync(stopping);
            var title = FormattableString.Invariant($"{Nodes * Workers:N0} workers on {Nodes} nodes, {Seconds} s");
            await new QuietReport([(title, quiet)]).WriteAsync(output);
            await output.WriteLineAsync(
                QuietReport.Must("PostgreSQL", quiet.ServerPercent, " % of a core", MostPercent, mayEqual: false));
            var connections = quiet.Members.Where(m => m.IsNode).Max(m => m.Connections);
            await output.WriteLineAsync(
                QuietReport.Must("the most connections of a node", connections, "", MostConnections, mayEqual: true));
            return [[$"{Nodes}", $"{Workers}", $"{Seconds}", .. QuietReport.Cells(quiet)]];
        }
        finally
        {
            await database.DropAsync();
        }
    }
}
