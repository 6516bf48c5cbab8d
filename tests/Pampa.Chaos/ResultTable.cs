using Pampa.Chaos.Checks;
using Pampa.Chaos.Faults;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
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

    private IEnumerable<(string What, string Value)> Rows() =>
    [
        ("run", Text($"profile {world.Options.Profile}, seed {world.Options.Seed}, {world.Options.Minutes} min, commit {Commit()}")),
        .. world.Foreign is { } foreign ? [("server", $"not the run's own: {foreign.Version}")] : Array.Empty<(string, string)>(),
        .. Faults(), .. Tasks(), .. Times(), .. Machine(),
    ];

    private IEnumerable<(string What, string Value)> Faults()
    {
        var results = nemesis.Results;
        yield return ("faults injected / survived", Text($"{results.Sum(r => r.Times)} / {results.Sum(r => r.Survived)}, {results.Count(r => r.Times > 0)} kinds"));
        var idle = results.Where(r => r.NoVictim > 0).Select(r => Text($"{r.Name} {r.NoVictim}")).ToList();
        yield return ("nobody to do it to", idle.Count == 0 ? "none" : string.Join(", ", idle));
        var impossible = results.Where(r => r.NotPossible > 0).Select(r => $"{r.Name} ({r.Why})").ToList();
        yield return ("not possible here", impossible.Count == 0 ? "none" : string.Join(", ", impossible));
        foreach (var group in world.LeftOut.GroupBy(f => f.Needs))
            yield return ($"left out, they need {group.Key}", string.Join(", ", group.Select(f => f.Name)));
        if (world.Foreign is not null) yield return ("left out beside", "a snapshot held open, and all that the proxy forges");
        if (world.Proxy is not { } proxy) yield break;
        yield return ("errors forged / surfaced", Text($"{proxy.ForgedErrors.Values.Sum()} / {history.Processes.Sum(p => p.Surfaced.Count)}"));
        WireAct[] losses = [WireAct.Cut, WireAct.LoseAnswer, WireAct.DeliverLate];
        yield return ("answers lost, requests late", Text($"{losses.Sum(a => proxy.Disturbed.GetValueOrDefault(a))}"));
    }

    private IEnumerable<(string What, string Value)> Tasks()
    {
        var rows = history.Rows;
        var ids = rows.Select(r => r.Id).ToHashSet();
        yield return ("tasks", Text($"{rows.Count:N0}: {rows.Count(r => r.State.Ok == true):N0} completed, {rows.Count(r => r.State.Ok == false):N0} failed"));
        yield return ("relaunched", Text($"{evidence.Of(Move.Relaunch).Count():N0}"));
        var waiting = rows.Count(r => RecordChecks.WaitsForItsTime(history, r));
        if (history.HasFalseClocks) yield return ("put off by a clock that was ahead", Text($"{waiting}"));
        var open = rows.Count(r => r.State.Et is null && !RecordChecks.WaitsForItsTime(history, r));
        yield return ("lost", Text($"{open + history.Inserted.Count(id => !ids.Contains(id))}"));
        var twice = evidence.Of(Move.Complete).GroupBy(j => j.Attempt).Count(g => g.Count() > 1);
        yield return ("double effects", Text($"{RecordChecks.Effects(evidence).Count() + twice}"));
        yield return ("effects in the transaction of a completion", Text($"{history.Journal.Count:N0}; run again for it {history.Ledger.Count(l => l.Line.Word == LedgerLine.Again):N0}"));
        yield return ("statements of hooks", Text($"{history.HookEvents.Count:N0}"));
        yield return ("attempts over the limit", Text($"{RecordChecks.Attempts(evidence).Count()}"));
        yield return ("fenced finishes", Text($"{RunChecks.TooLate(evidence)} executions ended after their attempt was taken away; processes tell of {RunChecks.Refused(evidence)}"));
        var executions = history.Ledger.Count(l => l.Line.Word == LedgerLine.Start);
        yield return ("executions per task", Text($"{(double)executions / Math.Max(1, rows.Count):0.000}"));
        yield return ("attempts taken back / forgiven", Text($"{evidence.Of(Move.TakeBack).Count():N0} / {evidence.Of(Move.Forgive).Count():N0}"));
        yield return ("overlapping executions", Overlaps());
    }

    private IEnumerable<(string What, string Value)> Times()
    {
        yield return ("recovery after a death, p50 / p99 / max", Percentiles(Deaths()));
        yield return ("first completion after a fault, p50 / p99 / max", Percentiles(nemesis.Recoveries));
        yield return ("leader change, max", Max(world.LeadersGone.Select(LeaderAfter)));
        if (world.Server is not null) yield return ("resume after the server's return, max", Max(world.ServerReturns.Select(StepAfter)));
        yield return ("everything ended after healing", Text($"{settled.TotalSeconds:0.0} s, bound {Limits.Bound.TotalSeconds:0} s"));
    }

    private IEnumerable<(string What, string Value)> Machine()
    {
        yield return ("processes started / killed or frozen", Text($"{history.Processes.Count} / {history.Processes.Count(p => p.WasKilled || p.Frozen.Count > 0)}"));
        var (bytes, files) = world.Cluster.LogSize;
        yield return ("log size", Text($"{bytes / 1024.0:N0} KB in {files} files"));
        var (growth, most) = world.Cluster.Memory;
        yield return ("memory of a process after its first minute: most, most grown", Text($"{most / 1048576.0:0} MB, {growth / 1048576.0:0} MB"));
    }

    private static string Text(FormattableString text) => Store.Invariant(text);

    private static string Commit()
    {
        var start = new System.Diagnostics.ProcessStartInfo("git", ["describe", "--always", "--dirty"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
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

    private string Overlaps()
    {
        var (count, most) = (0, TimeSpan.Zero);
        foreach (var task in history.Ledger.GroupBy(l => l.Line.Id))
        {
            var end = DateTime.MinValue;
            var executions = task.GroupBy(l => (l.Line.Life, l.Line.Attempt)).Select(g => (From: g.Min(l => l.At), To: g.Max(l => l.At)));
            foreach (var execution in executions.OrderBy(e => e.From))
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
                if (last.Et is not null || last.Rid?.StartsWith($"{process.Member}.", StringComparison.Ordinal) != true) continue;
                // A false clock says anything.
                if (task[index + 1].At - at is var time && time < Limits.Bound) yield return time;
            }
        }
    }

    private TimeSpan? LeaderAfter(DateTime at) =>
        history.Leases.FirstOrDefault(l => l is { Kind: "lease", Name: "cluster" } && l.At > at && l.New.Term != l.Old?.Term) is { } next
            && next.At - at < Limits.Bound ? next.At - at : null;

    private TimeSpan? StepAfter(DateTime at) => history.Steps.FirstOrDefault(s => s.At > at) is { } next ? next.At - at : null;

    private static string Max(IEnumerable<TimeSpan?> times) => times.Max() is { } most ? Store.Invariant($"{most.TotalSeconds:0.0} s") : "-";

    private static string Percentiles(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Order().ToList();
        return sorted.Count == 0 ? "-" : Store.Invariant(
            $"{sorted[sorted.Count / 2].TotalSeconds:0.00} / {sorted[(int)(sorted.Count * 0.99)].TotalSeconds:0.00} / {sorted[^1].TotalSeconds:0.00} s ({sorted.Count})");
    }
}
