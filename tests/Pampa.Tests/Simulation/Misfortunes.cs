namespace Pampa.Tests.Simulation;

/// <summary>What happens to a cluster from outside: deaths, freezes, clocks that step, locks, rules of tables, and new records.</summary>
internal sealed class Misfortunes(World world, Simulation simulation)
{
    private const int MostProcesses = 12;

    public void Next()
    {
        var chances = world.Chances;
        var random = world.Random;
        var active = simulation.Active.ToList();
        var one = active.Count > 0 ? active[random.Next(active.Count)] : null;
        // Chances are told for a step, and one step in fifteen comes here.
        bool Comes(double chance) => world.Draw(chance * 15);
        if (one is not null && Comes(chances.Death)) simulation.Do(one, () => world.Kill(one, "between its steps"));
        else if (one is not null && Comes(chances.Freeze)) Freeze(one);
        else if (one is not null && Comes(chances.Stop)) new Stop(simulation, one).Begin();
        else if (Comes(chances.ClockStep)) StepClock();
        else if (Comes(chances.Lock)) Lock();
        else if (Comes(chances.Refuse)) Refuse();
        else if (random.Next(4) == 0) Thaw();
        else if (random.Next(4) == 0) Unlock();
        else if (random.Next(6) == 0 && simulation.Processes.Count < MostProcesses) simulation.Start(random.Next(world.Plan.Workers.Count), random.Next(1, 4));
        else if (random.Next(6) == 0) simulation.Insert(random.Next(1, 5));
        else if (random.Next(4) == 0) Toggle();
        else if (one is not null && random.Next(4) == 0) Operate(one);
        else if (random.Next(4) == 0) Measure(one);
    }

    private void Freeze(SimulatedProcess process)
    {
        world.Trace.Add($"{process} is frozen");
        process.IsFrozen = true;
    }

    public void Thaw()
    {
        foreach (var process in simulation.Processes.Where(p => p.IsFrozen && (world.IsCalm || world.Random.Next(2) == 0)))
        {
            world.Trace.Add($"{process} goes on");
            process.IsFrozen = false;
            simulation.Advance(process, TimeSpan.Zero);
        }
    }

    // Mostly forward: a step back makes times of one record run backward, which is nobody's fault.
    private void StepClock()
    {
        var step = TimeSpan.FromMilliseconds(world.Random.Next(4) == 0 ? -world.Random.Next(1, 5_000) : world.Random.Next(1, 60_000));
        world.Trace.Add($"the database's clock steps by {step}");
        world.Db.Clock.AdvanceAsync(step);
    }

    private (JobPlan Job, Record Record) DrawRecord()
    {
        var job = world.Plan.Jobs[world.Random.Next(world.Plan.Jobs.Count)];
        var open = world.Ledger.Of(job).Where(r => r.Et is null).DefaultIfEmpty(world.Ledger.Of(job)[0]).ToList();
        return (job, open[world.Random.Next(open.Count)]);
    }

    private void Lock()
    {
        var (job, record) = DrawRecord();
        world.Trace.Add($"somebody locks {record.Key} of {job.Table}");
        world.Locked.Add((job.Table, record.Key));
        foreach (var other in world.Plan.Jobs.Where(j => j.Table == job.Table)) world.Ledger.Obstructed.Add((other.Name, record.Key));
    }

    private void Refuse()
    {
        var (job, record) = DrawRecord();
        string[] steps = ["reserve", "start", "complete", "settle"];
        var step = steps[world.Random.Next(steps.Length)];
        world.Trace.Add($"the table refuses to {step} {record.Key} of {job.Name}");
        world.Db.Execute($"INSERT INTO refused (job, value, step) VALUES ('{job.Name}', {record.Key}, '{step}')");
        world.Ledger.Refused.Add((job.Name, record.Key));
        world.Ledger.Obstructed.Add((job.Name, record.Key));
    }

    public void Unlock()
    {
        world.Locked.Clear();
        world.Db.Execute("DELETE FROM refused");
    }

    private void Toggle()
    {
        var (job, record) = DrawRecord();
        world.Db.Execute($"UPDATE {job.Table} SET active = NOT active WHERE value = {record.Key}");
        world.Ledger.Accept();
    }

    public void ActivateAll()
    {
        foreach (var table in world.Plan.Jobs.Select(j => j.Table).Distinct()) world.Db.Execute($"UPDATE {table} SET active = TRUE");
        world.Ledger.Accept();
    }

    // What has ended is to be done again; it may be so already by the time that it is asked for.
    private void Operate(SimulatedProcess process)
    {
        var lane = process.Lanes[world.Random.Next(process.Lanes.Count)];
        var state = world.Random.Next(2) == 0 ? TaskState.Completed : TaskState.Failed;
        world.Trace.Add($"{process} is to relaunch what has {state} of {lane.Job.Name}");
        process.Operation = async () =>
        {
            var ended = await lane.Store.ReadEndedAsync(state, 3, CancellationToken.None);
            await lane.Store.RelaunchAsync(ended, state, CancellationToken.None);
        };
    }

    // Short tasks enough for several to be started at once.
    private void Measure(SimulatedProcess? process)
    {
        if (process is null) return;
        world.Trace.Add($"{process} has run many short tasks");
        foreach (var lane in process.Lanes)
        {
            for (var i = 0; i < 250; i++) lane.Load.Durations.Add(TimeSpan.FromMilliseconds(2));
        }
    }
}
