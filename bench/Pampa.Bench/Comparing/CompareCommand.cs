using System.CommandLine;

namespace Pampa.Bench.Comparing;

/// <summary>The verb that measures everybody beside each other.</summary>
internal sealed class CompareCommand
{
    private static readonly string[] PeerNames = ["pampa", "loop", "loop-large", "raw", "bare", "graphile", "graphile-tuned", "graphile-two", "pg-boss", "hangfire"];
    private static readonly string[] NodeNames = ["graphile", "graphile-tuned", "graphile-two", "pg-boss"];
    private static readonly string[] Measures = ["rates", "minute", "latency", "idle", "full"];
    private static readonly Workload[] AllJobs = [Workload.Noop, Workload.Numbers, Workload.Nap];

    private readonly TextWriter output;
    private readonly Option<string[]> peer = Verbs.Several("--peer", $"Who takes part: {string.Join(", ", PeerNames)} (default: all).", PeerNames);
    private readonly Option<string[]> job = Verbs.Several("--job", "Of the rates: noop, numbers, nap, a handler that waits for 5 ms (default: all).",
        [.. AllJobs.Select(j => j.Name)]);
    private readonly Option<string[]> measure = Verbs.Several("--measure",
        "rates, minute (each second of one, also with a snapshot held open), latency, idle, full (a table of which 99 of 100 records have ended) (default: all).", Measures);
    private readonly Option<int> pairs = Verbs.Number("--pairs", "How often each peer's rate or latency is measured.", 1);
    private readonly Option<int> warm = Verbs.Number("--warm", "Seconds to warm up.", 5);
    private readonly Option<int> window = Verbs.Number("--window", "Seconds that count.", 20);
    private readonly Option<int> minute = Verbs.Number("--minute", "Seconds of the minute.", 60);
    private readonly Option<int> samples = Verbs.Number("--samples", "Tasks of the latency, one at a time.", 1_000);
    private readonly Option<int> workers = Verbs.Number("--workers", "Workers with nothing to do.", 1_000);
    private readonly Option<int> records = Verbs.Number("--records", "Records of the full table.", 10_000_000);
    private readonly Option<bool> quick = new("--quick")
    {
        Description = "A look in less than five minutes: rates in windows of 3 s, and 50 latencies. Its figures say little.",
    };
    private readonly Option<string?> charts = new("--charts") { Description = "A folder for charts (default: none are drawn)." };
    private readonly Option<bool> record = Verbs.Record();
    private readonly Option<string?> postgres = Verbs.Postgres();

    private CompareCommand(TextWriter output) => this.output = output;

    public static Command Command(TextWriter output) => new CompareCommand(output).Build();

    private Command Build()
    {
        var command = new Command("compare", "Pampa, its peers, a plain loop and the raw limit beside each other on one PostgreSQL.");
        foreach (var option in (Option[])[peer, job, measure, pairs, warm, window, minute, samples, workers, records, quick, charts, record, postgres])
            command.Options.Add(option);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken stopping)
    {
        try
        {
            var measurements = Measurements(parsed, await PeersAsync(Verbs.Given(parsed, peer, PeerNames), stopping));
            return await new Stage(output, parsed.GetValue(postgres), parsed.GetValue(record)).RunAsync(measurements, stopping);
        }
        catch (RunFailedException e)
        {
            await output.WriteLineAsync($"FAILED: {e.Message}");
            return 1;
        }
    }

    private List<IMeasurement> Measurements(ParseResult parsed, List<Peer> peers)
    {
        var isQuick = parsed.GetValue(quick);
        var folder = parsed.GetValue(charts);
        var warmUp = TimeSpan.FromSeconds(isQuick ? 1 : parsed.GetValue(warm));
        var jobs = AllJobs.Where(j => Verbs.Given(parsed, job, [.. AllJobs.Select(j => j.Name)]).Contains(j.Name)).ToList();
        var chosen = Verbs.Given(parsed, measure, isQuick ? ["rates", "latency"] : Measures);
        var all = new List<IMeasurement>();
        if (chosen.Contains("rates"))
        {
            var length = TimeSpan.FromSeconds(isQuick ? 3 : parsed.GetValue(window));
            all.Add(new CompareRates(peers, jobs, new Window(warmUp, length), isQuick ? 1 : parsed.GetValue(pairs), folder));
        }
        if (chosen.Contains("minute"))
        {
            // The raw limit looks for nothing, so a snapshot cannot hold it up.
            var several = peers.Where(p => p is not RawPeer && p.Does(Workload.Numbers)).ToList();
            all.Add(new CompareTimeline(several, new Window(warmUp, TimeSpan.FromSeconds(parsed.GetValue(minute))), folder));
        }
        if (chosen.Contains("latency")) all.Add(new CompareLatency(peers, isQuick ? 50 : parsed.GetValue(samples), isQuick ? 1 : parsed.GetValue(pairs)));
        if (chosen.Contains("full")) all.Add(new CompareFull([.. peers.OfType<PampaPeer>()], parsed.GetValue(records)));
        if (chosen.Contains("idle")) all.Add(new CompareIdle(peers, parsed.GetValue(workers), TimeSpan.FromSeconds(parsed.GetValue(window))));
        return all;
    }

    /// <summary>In an order of its own whatever was asked for: the first is the one that the others are compared with.</summary>
    private async Task<List<Peer>> PeersAsync(string[] names, CancellationToken stopping)
    {
        var node = names.Intersect(NodeNames).Any() ? await NodePackage.InstallAsync(output, stopping) : null;
        return PeerNames.Where(names.Contains).Select(name => (Peer)(name switch
        {
            "pampa" => new PampaPeer(),
            "loop" => new LoopPeer("SKIP LOCKED loop", Loops: 8, Rows: 500),
            "loop-large" => new LoopPeer("loop with large batches", Loops: 4, Rows: 2_000),
            "raw" => new RawPeer(),
            "bare" => new BarePeer(),
            "graphile" => new DocumentedGraphilePeer(node!),
            "graphile-tuned" => new TunedGraphilePeer(node!),
            "graphile-two" => new TunedGraphilePeer(node!, Several: 2),
            "pg-boss" => new PgBossPeer(node!),
            _ => new HangfirePeer(),
        })).ToList();
    }
}
