namespace Pampa.Tests.Simulation;

/// <summary>
/// A time in which nothing goes wrong and nothing is held: each record that runs again by itself does so when its time has come. Then no
/// more of them are begun, so that everything can come to its end.
/// </summary>
internal sealed class RepeatQuiet(Simulation simulation, Action turnAll)
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);

    // What is not known to begin with, after an outage or a lock: a lease of a leader, a look of the next one, a rest of half a minute.
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(15 + 5 + 30 + 5);
    private readonly World world = simulation.World;

    private sealed record Waiting(JobPlan Job, long Key, string Et, DateTime Until);

    public void Run()
    {
        var waiting = world.Plan.Jobs
            .SelectMany(job => world.Ledger.Of(job).Where(r => r.Et is not null && job.Repeats(r.Ok)).Select(r => Of(job, r))).ToList();
        if (waiting.Count > 0) world.Trace.Add($"{waiting.Count} records are to run again");
        while (waiting.Count > 0)
        {
            turnAll();
            simulation.Pass(Turn);
            waiting.RemoveAll(w => world.Ledger.Of(w.Job).Single(r => r.Key == w.Key).Et != w.Et);
            if (waiting.Find(w => w.Until < world.Db.Clock.Now) is { } late)
                throw new BrokenRuleException($"{late.Job.Name} {late.Key} has ended at {late.Et} and does not run again");
        }
        foreach (var process in simulation.Processes) process.Dispatcher.Relauncher.IsOn = false;
    }

    private Waiting Of(JobPlan job, Record record)
    {
        var due = SimulatedDatabase.Moment(record.Et!) + (job.RelaunchAfter!.Value * (1 + job.RelaunchJitter));
        return new Waiting(job, record.Key, record.Et!, (due > world.Db.Clock.Now ? due : world.Db.Clock.Now) + Slack);
    }
}
