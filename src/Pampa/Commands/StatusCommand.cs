using System.CommandLine;
using System.Text.Json;

namespace Pampa.Commands;

/// <summary>The verb <c>status</c>: what there is to do and how fast it goes, of all jobs or of one.</summary>
internal static class StatusCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("status", "Shows for each job how many tasks are in each state, how many end a second, and when all will be done; then who leads and who works.")
        {
            Examples = [("status", "The counts of all jobs."), ("status my_job --exact --json", "Every record of one job counted, as JSON.")],
        };
        var job = new Argument<string?>("job") { Description = "Only this job (default: all).", Arity = ArgumentArity.ZeroOrOne };
        var database = Verb.DatabaseOption();
        var exact = new Option<bool>("--exact") { Description = "Count every record, which reads the whole table (default: at most 250,000 open and 250,000 ended ones)." };
        var json = Verb.JsonOption();
        command.Arguments.Add(job);
        foreach (var option in (Option[])[exact, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, choice) =>
        {
            var jobs = parsed.GetValue(job) is { } only ? [only] : await cluster.JobsAsync(stopping);
            var reports = new List<Report>();
            foreach (var name in jobs) reports.Add(await cluster.ReportAsync(name, parsed.GetValue(exact), stopping));
            var info = await cluster.InfoAsync(stopping);
            if (parsed.GetValue(json))
            {
                var status = new StatusJson(
                    choice.Address.Description, [.. reports.Select(JobJson.Of)], LeaderJson.Of(info.Leader), [.. info.Nodes.Select(NodeJson.Of)],
                    info.AbsentNodes);
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(status, CommandJson.Default.StatusJson));
                return Hosting.ExitCode.Done;
            }
            await verb.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
            // Lines for whatever reads them; for people, if the terminal has room, a table.
            var table = Terminal.IsOn(verb.Output) ? StatusTable.Draw(reports, Terminal.Size().Width) : null;
            foreach (var line in table ?? reports.SelectMany(r => (string[])[Line(r), SpeedLine(r)])) await verb.Output.WriteLineAsync(line);
            foreach (var line in Lines(info)) await verb.Output.WriteLineAsync(line);
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }

    /// <summary>The counts in one line; those of a table that was not counted to its end stand with a plus.</summary>
    public static string Line(Report r)
    {
        var more = r.IsExact ? "" : "+";
        return FormattableString.Invariant(
            $"{r.Job}: {r.Total:N0}{more} tasks: {r.Completed:N0}{more} completed, {r.Failed:N0}{more} failed, {r.Pending:N0}{more} pending, {r.Scheduled:N0}{more} scheduled, {r.Reserved:N0}{more} reserved, {r.Running:N0}{more} running");
    }

    /// <summary>Who leads, and a line for each node.</summary>
    public static IEnumerable<string> Lines(ClusterInfo info)
    {
        yield return info.Leader is { } leader
            ? FormattableString.Invariant($"leader: {leader.Node}, in term {leader.Term}, for {Duration(leader.LeadsFor)}")
            : "leader: none; no dispatcher runs";
        if (info.Nodes.Count == 0) yield return "nodes: none; nobody works";
        foreach (var node in info.Nodes)
        {
            var recovering = node.Ready < node.Workers ? $" ({node.Workers - node.Ready} recovering)" : "";
            var leaked = node.Leaked > 0 ? $" ({node.Leaked} lost to tasks that do not end)" : "";
            var jobs = string.Concat(node.Jobs.Select(j => FormattableString.Invariant($"; {j.Job}: {j.InHand:N0} in hand, {j.Running:N0} running, {j.PerSecond:N0}/s")));
            yield return FormattableString.Invariant($"node {node.Name}: {node.Workers:N0} workers{recovering}{leaked}, {node.Program}, heard {Duration(node.LastHeard)} ago{jobs}");
        }
        foreach (var name in info.AbsentNodes) yield return $"node {name}: not here; the program declares it";
    }

    private static string SpeedLine(Report r)
    {
        var rate = r.PerSecond is { } perSecond ? FormattableString.Invariant($"{perSecond:N0}/s") : "nobody works on it";
        var eta = r.Eta is { } left ? $"ETA {(r.IsExact ? "" : "more than ")}{Duration(left)}" : "ETA unknown";
        var oldest = r.OldestPending is { } waits ? $", the oldest pending one is due for {Duration(waits)}" : "";
        return $"{r.Job}: {rate}, {eta}{oldest}";
    }

    public static string Duration(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds)).ToString("c");
}
