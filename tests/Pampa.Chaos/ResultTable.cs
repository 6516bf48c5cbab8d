using Pampa.Chaos.Checks;
using Pampa.Chaos.Faults;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos;

/// <summary>The figures of a run, one table.</summary>
internal sealed class ResultTable(World world, Nemesis nemesis, History history, TimeSpan settled)
{
    private readonly Evidence evidence = new(history);

    public void Write(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine("| | |");
        output.WriteLine("|---|---|");
        foreach (var (what, value) in Rows()) output.WriteLine($"| {what} | {value} |");
        output.WriteLine();
    }

    private IEnumerable<(string What, string Value)> Rows()
    {
        var options = world.Options;
        yield return ("run", Store.Invariant($"profile {options.Profile}, seed {options.Seed}, {options.Minutes} min, commit {Commit()}"));
        yield return ("faults injected / survived", Store.Invariant($"{nemesis.Results.Sum(r => r.Times)} / {nemesis.Results.Sum(r => r.Survived)}, {nemesis.Results.Count(r => r.Times > 0)} kinds"));
        var impossible = nemesis.Results.Where(r => r.NotPossible > 0).Select(r => $"{r.Name} ({r.Why})").ToList();
        yield return ("not possible here", impossible.Count == 0 ? "none" : string.Join(", ", impossible));
        yield return ("tasks", Store.Invariant($"{history.Rows.Count:N0}: {history.Rows.Count(r => r.State.Ok == true):N0} completed, {history.Rows.Count(r => r.State.Ok == false):N0} failed; {evidence.Of(Move.Relaunch).Count():N0} relaunched"));
        yield return ("lost", Store.Invariant($"{history.Rows.Count(r => r.State.Et is null) + history.Inserted.Count(id => !evidenceIds.Contains(id))}"));
        yield return ("double effects", Store.Invariant($"{RecordChecks.Effects(evidence).Count() + evidence.Of(Move.Complete).GroupBy(j => j.Attempt).Count(g => g.Count() > 1)}"));
        yield return ("attempts over the limit", Store.Invariant($"{RecordChecks.Attempts(evidence).Count()}"));
        yield return ("fenced finishes", Store.Invariant($"{Refused()} executions ended after their attempt was taken away; processes tell of {history.Processes.Sum(p => p.Belief?.Fenced ?? 0)}"));
        yield return ("executions per task", Store.Invariant($"{(double)history.Ledger.Count(l => l.Line.Word == LedgerLine.Start) / Math.Max(1, history.Rows.Count):0.000}; {evidence.Of(Move.TakeBack).Count():N0} attempts taken back, {evidence.Of(Move.Forgive).Count():N0} forgiven"));
        yield return ("overlapping executions", Overlaps());
        yield return ("recovery after a death, p50 / p99 / max", Percentiles(Deaths()));
        yield return ("first completion after a fault, p50 / p99 / max", Percentiles(nemesis.Recoveries));
        yield return ("leader change, max", Max(world.LeadersGone.Select(LeaderAfter)));
        yield return ("resume after the server's return, max", Max(world.ServerReturns.Select(StepAfter)));
        yield return ("processes started / killed or frozen", Store.Invariant($"{history.Processes.Count} / {history.Processes.Count(p => p.WasKilled || p.Frozen.Count > 0)}"));
        yield return ("errors forged / surfaced", Store.Invariant($"{world.Proxy?.ForgedErrors.Values.Sum() ?? 0} / {history.Processes.Sum(p => p.Surfaced.Count)}"));
        yield return ("answers lost, requests late or cut", Store.Invariant($"{world.Proxy?.Disturbed.Where(d => d.Key is not (Wire.WireAct.Delay or Wire.WireAct.FailBefore or Wire.WireAct.FailAfter)).Sum(d => d.Value) ?? 0}"));
        yield return ("everything ended after healing", Store.Invariant($"{settled.TotalSeconds:0.0} s, bound {Limits.Bound.TotalSeconds:0} s"));
        yield return ("log size", Store.Invariant($"{Directory.EnumerateFiles(world.Cluster.Logs).Sum(f => new FileInfo(f).Length) / 1024.0:N0} KB in {Directory.GetFiles(world.Cluster.Logs).Length} files"));
        var (growth, most) = world.Cluster.Memory;
        yield return ("memory of a process, after a minute", Store.Invariant($"{(most - growth) / 1048576.0:0} to {most / 1048576.0:0} MB"));
    }

    private readonly HashSet<long> evidenceIds = [.. history.Rows.Select(r => r.Id)];

    private static string Commit()
    {
        var start = new System.Diagnostics.ProcessStartInfo("git", ["describe", "--always", "--dirty"]) { RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory };
        try
        {
            using var git = System.Diagnostics.Process.Start(start)!;
            return git.StandardOutput.ReadToEnd().Trim() is { Length: > 0 } text ? text : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }

    // A handler that came to its end, and whose attempt somebody else had settled before.
    private int Refused() => evidence.Of(Move.TakeBack, Move.Forgive).Count(j => evidence.Ledger[j.Attempt].Any(l => l.Line.Word == LedgerLine.End));

    private string Overlaps()
    {
        var (count, most) = (0, TimeSpan.Zero);
        foreach (var task in history.Ledger.GroupBy(l => l.Line.Id))
        {
            var end = DateTime.MinValue;
            foreach (var execution in task.GroupBy(l => (l.Line.Life, l.Line.Attempt)).Select(g => (From: g.Min(l => l.At), To: g.Max(l => l.At))).OrderBy(e => e.From))
            {
                if (execution.From < end)
                {
                    count++;
                    var overlap = (end < execution.To ? end : execution.To) - execution.From;
                    if (overlap > most) most = overlap;
                }
                if (execution.To > end) end = execution.To;
            }
        }
        return Store.Invariant($"{count}, at most {most.TotalSeconds:0.0} s");
    }

    /// <summary>For each record that a process held when it died: how long until it went on.</summary>
    private IEnumerable<TimeSpan> Deaths()
    {
        var steps = history.Steps.GroupBy(s => s.Id).Select(g => g.ToList()).ToList();
        foreach (var process in history.Processes.Where(p => p.To is not null && (p.WasKilled || p.ExitCode == 137)))
        {
            var at = process.To!.Value;
            foreach (var task in steps)
            {
                var index = task.FindLastIndex(s => s.At <= at);
                if (index < 0 || index + 1 >= task.Count) continue;
                var last = task[index].New;
                if (last.Et is null && last.Rid?.StartsWith($"{process.Member}.", StringComparison.Ordinal) == true) yield return task[index + 1].At - at;
            }
        }
    }

    private TimeSpan? LeaderAfter(DateTime at) =>
        history.Leases.FirstOrDefault(l => l is { Kind: "lease", Name: "cluster" } && l.At > at && l.New.Term != l.Old?.Term) is { } next ? next.At - at : null;

    private TimeSpan? StepAfter(DateTime at) => history.Steps.FirstOrDefault(s => s.At > at) is { } next ? next.At - at : null;

    private static string Max(IEnumerable<TimeSpan?> times) => times.Max() is { } most ? Store.Invariant($"{most.TotalSeconds:0.0} s") : "-";

    private static string Percentiles(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Order().ToList();
        return sorted.Count == 0 ? "-" : Store.Invariant(
            $"{sorted[sorted.Count / 2].TotalSeconds:0.00} / {sorted[(int)(sorted.Count * 0.99)].TotalSeconds:0.00} / {sorted[^1].TotalSeconds:0.00} s ({sorted.Count})");
    }
}
