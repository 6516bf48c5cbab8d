using System.Globalization;

namespace Pampa.Bench;

/// <summary>
/// How cost grows when one thing does and all else stays: the records of the table, the workers of a process, the jobs of a program, the
/// nodes of a cluster. An exponent of 0 says that it does not grow, of 1 that it grows as the thing does.
/// </summary>
internal sealed record Growth(int Records, int Seconds, IReadOnlyList<string> What) : IMeasurement
{
    /// <summary>How many records are worked off.</summary>
    public const int Open = 1_000_000;

    private const int WorkersOfNode = 10;
    private static readonly int[] Workers = [1, 10, 100, 1_000];
    private static readonly int[] Jobs = [1, 20, 60, 200];
    private static readonly int[] Nodes = [1, 10, 25, 50];

    /// <summary>What may grow.</summary>
    public static string[] Things { get; } = ["records", "workers", "jobs", "nodes"];

    public ResultTable Table { get; } = new("## Growth", $"""
        How cost grows with one thing while all else stays, on PostgreSQL, appended by `growth --record`. *records*: {Open:N0} open ones are worked
        off behind the rest, which has ended long ago; *workers*: the same with so many in one process; *jobs* and *nodes* (of {WorkersOfNode} workers) have
        nothing to do. *exponent*: of the cost over the whole range; 0 does not grow, 1 grows as the thing does. *without the fixed part*: of the last
        step, of what it costs more than the least.
        """,
        ["what grows", "from", "to", "cost", "unit", "exponent", "machine"]);

    /// <summary>What one thing costs at one size.</summary>
    private sealed record Point(int Size, double Cost);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var lines = new List<string[]>();
        foreach (var what in What) lines.Add(await LineAsync(database, what, output, stopping));
        return lines;
    }

    private Task<string[]> LineAsync(PostgresDatabase database, string what, TextWriter output, CancellationToken stopping) => what switch
    {
        "records" => LineAsync(what, "CPU us/task, client and server", [.. ((int[])[Open, Open * 5]).Where(size => size < Records), Records],
            size => DrainAsync(database, size - Open, workers: 4, stopping), output),
        "workers" => LineAsync(what, "CPU us/task, client and server", Workers, workers => DrainAsync(database, 0, workers, stopping), output),
        "jobs" => LineAsync(what, "% of a core of PostgreSQL, idle", Jobs, jobs => IdleAsync(database, Workload.Many(jobs), 1, stopping), output),
        "nodes" => LineAsync(what, "% of a core of PostgreSQL, idle", Nodes, nodes => IdleAsync(database, Workload.Crowd, nodes, stopping), output),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, $"must be one of {string.Join(", ", Things)}"),
    };

    private static async Task<string[]> LineAsync(string what, string unit, int[] sizes, Func<int, Task<double>> measureAsync, TextWriter output)
    {
        var points = new List<Point>();
        foreach (var size in sizes)
        {
            points.Add(new Point(size, await measureAsync(size)));
            await output.WriteLineAsync(FormattableString.Invariant($"  {size:N0} {what}: {points[^1].Cost:N2} {unit}"));
        }
        // A part that is always there hides growth in that of the whole: between neighbours, of what is more than at the least.
        var (first, last) = (points[0], points[^1]);
        var exponent = Math.Log(last.Cost / first.Cost) / Math.Log((double)last.Size / first.Size);
        var more = points.Skip(1).Zip(points.Skip(2), (a, b) => a.Cost > first.Cost && b.Cost > first.Cost
            ? Math.Log((b.Cost - first.Cost) / (a.Cost - first.Cost)) / Math.Log((double)b.Size / a.Size)
            : (double?)null).LastOrDefault();
        var text = FormattableString.Invariant($"{exponent:N2}{(more is { } own ? $" ({own:N2} without the fixed part)" : "")}");
        await output.WriteLineAsync(FormattableString.Invariant($"{what}: exponent {text}"));
        return
        [
            what, Whole(first.Size), Whole(last.Size), string.Join(", ", points.Select(p => p.Cost.ToString("N2", CultureInfo.InvariantCulture))), unit,
            text,
        ];
    }

    private static string Whole(int size) => size.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Microseconds of processor time that a task takes where so many others have ended.</summary>
    private static async Task<double> DrainAsync(PostgresDatabase database, int ended, int workers, CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Prepare, Workload.Crowd, address);
            await Child.RunAsync(order, stopping);
            await database.LoadEndedAsync(ended);
            await database.LoadAsync(Open, after: ended);
            var before = database.CpuSeconds ?? throw new RunFailedException("the server's processor time is not to be seen");
            var client = await Child.RunAsync(
                order with { What = ChildOrder.Product, Arguments = ["--drain", "--workers", workers.ToString(CultureInfo.InvariantCulture)] }, stopping);
            var server = database.CpuSeconds!.Value - before;
            if (await database.CountRightAsync(Workload.Noop) is var right && right != Open + ended)
                throw new RunFailedException($"of {Open + ended} records {right} are as they should be");
            return (client.CpuSeconds + server) * 1e6 / Open;
        }
        finally
        {
            await database.DropAsync();
        }
    }

    /// <summary>What percentage of a core the server needs for processes that have nothing to do.</summary>
    private async Task<double> IdleAsync(PostgresDatabase database, Workload workload, int nodes, CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Product, workload, address);
            await Child.RunAsync(order with { What = ChildOrder.Prepare }, stopping);
            var members = Enumerable.Range(1, nodes).Select(n => Member.Node(FormattableString.Invariant($"n{n}"), WorkersOfNode));
            await using var all = await Members.StartReadyAsync(database, order, [Member.Dispatcher, .. members], nodes * WorkersOfNode, stopping);
            var quiet = await new QuietWatch(database, all, TimeSpan.FromSeconds(Seconds)).WatchAsync(stopping);
            await all.StopAsync(stopping);
            return quiet.ServerPercent ?? throw new RunFailedException("the server's processor time is not to be seen");
        }
        finally
        {
            await database.DropAsync();
        }
    }
}
