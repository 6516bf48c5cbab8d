namespace Pampa.Tests.Simulation;

/// <summary>
/// The end of a run: nothing goes wrong any more, and within a bounded number of turns every record must have come to its end, with
/// everything accounted for.
/// </summary>
internal sealed class Settling(Simulation simulation, Misfortunes misfortunes, Steering steering)
{
    private const int MostTurns = 1_500;
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(200);
    private readonly World world = simulation.World;

    public void Run()
    {
        world.Trace.Add("it calms down");
        world.CalmDown();
        misfortunes.Unlock();
        misfortunes.Thaw();
        misfortunes.ActivateAll();
        // Somebody leads and somebody works, or a process comes that does both.
        var staying = simulation.Active.Where(p => !p.IsStopping).ToList();
        if (!staying.Exists(p => p.Part.Dispatches()) || !staying.Exists(p => p.Part.Works())) simulation.Start(0, 2, Part.All);
        new HeldQuiet(simulation, TurnAll).Run();
        steering.LetAllGo();
        new RepeatQuiet(simulation, TurnAll).Run();
        for (var turn = 0; !IsSettled; turn++)
        {
            if (turn == MostTurns) throw new BrokenRuleException($"after {MostTurns} quiet turns this is left:{Environment.NewLine}{Left()}");
            TurnAll();
            simulation.Pass(Turn);
        }
        Account();
    }

    private void TurnAll()
    {
        while (world.Held is { Count: > 0 } held) simulation.Let(held[0]);
        foreach (var process in simulation.Active.ToList())
        {
            foreach (var loop in process.Loops)
            {
                if (!process.IsGone) simulation.Turn(process, loop);
            }
        }
    }

    private bool IsSettled => world.Plan.Jobs.All(job => world.Ledger.Of(job).All(r => r.Et is not null))
        && simulation.Active.All(p => p.Node.Unfinished == 0);

    private string Left()
    {
        var records = world.Plan.Jobs.SelectMany(job => world.Ledger.Of(job).Where(r => r.Et is null).Take(5).Select(r => $"  {job.Name} {r}"));
        var results = simulation.Active.Where(p => p.Node.Unfinished > 0)
            .Select(p => $"  {p}: {p.Node.Unfinished} unfinished, workers {string.Join(' ', p.Node.Workers.Select(w => w.Count))}, "
            + $"results {string.Join(' ', p.Lanes.Select(l => l.Finisher.Count))}, under way: {string.Join(", ", p.Loops.Where(l => l.IsUnderWay))}");
        return string.Join(Environment.NewLine, records.Concat(results));
    }

    /// <summary>Each handler that has come to an end has one result, and the counters do not say more than the table has taken.</summary>
    private void Account()
    {
        foreach (var process in simulation.Active)
        {
            foreach (var (lane, job) in process.Lanes.Zip(world.Plan.Jobs))
            {
                var c = lane.Counters;
                var ended = process.Ended.GetValueOrDefault(job.Name);
                var counted = c.Completed + c.Again + c.Failed + c.Forgiven + c.Snoozed + c.Fenced + c.Unknown;
                Require(counted >= ended, $"{process} has run {ended} handlers of {job.Name} to their end and accounts for {counted}");
                Compare(process, job, "Completed", c.Completed, c.Unknown);
                Compare(process, job, "Again", c.Again, c.Unknown);
                Compare(process, job, "Forgiven", c.Forgiven, c.Unknown);
                Compare(process, job, "Snoozed", c.Snoozed, c.Unknown);
                Compare(process, job, "Failed", c.Failed, c.Unknown);
            }
        }
        foreach (var (lane, job) in simulation.Active.First().Lanes.Zip(world.Plan.Jobs)) Report(lane, job);
        Audit();
    }

    // Whatever was lost on the way: a hook is committed with its start or end, or neither is.
    private void Audit()
    {
        var audit = world.Db.Audit();
        foreach (var job in world.Plan.Jobs.Where(j => j.HasHooks))
        {
            foreach (var record in world.Ledger.Of(job))
            {
                var (_, _, open, completed) = audit.Find(a => a.Job == job.Name && a.Task == record.Key);
                Require(open == 0, $"{open} attempts of {job.Name} {record.Key} have begun with a hook and not ended with one");
                var times = record.Generation + (record.Ok == true ? 1 : 0);
                Require(completed == times, $"hooks tell of {completed} completions of {job.Name} {record.Key}, which was completed {times} times");
            }
        }
    }

    private void Compare(SimulatedProcess process, JobPlan job, string outcome, long counted, long unknown)
    {
        var accepted = world.Ledger.Accepted.GetValueOrDefault((process, job.Name, outcome));
        Require(counted <= accepted && accepted <= counted + unknown,
            $"{process} says that {counted} of {job.Name} were {outcome} and {unknown} are unknown; the table has taken {accepted}");
    }

    private void Report(Working.Lane lane, JobPlan job)
    {
        var report = lane.Store.ReportAsync(CancellationToken.None).GetAwaiter().GetResult();
        var records = world.Ledger.Of(job);
        Require(report.Completed == records.Count(r => r.Ok == true) && report.Failed == records.Count(r => r.Ok == false)
            && report.Completed + report.Failed == records.Count, $"the report of {job.Name} is {report}");
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds) throw new BrokenRuleException(rule);
    }
}
