using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>One job on this node: its table, its load, its results on their way to the table, and which records the node knows to be its own.</summary>
internal sealed class Lane
{
    private readonly Lock gate = new();
    private readonly HashSet<TaskKey> known = [];

    private readonly ILogger log;

    public Lane(TaskStore store, JobLoad load, ILogger log, TimeProvider time, Random random)
    {
        this.log = log;
        Store = store;
        Load = load;
        Finisher = new Finisher(this, time, random);
    }

    public TaskStore Store { get; }

    public JobLoad Load { get; }

    public JobDefinition Job => Store.Job;

    public Finisher Finisher { get; }

    public Counters Counters { get; } = new();

    /// <summary>Stops work on the job for half a minute: its statements do not fit the table any more.</summary>
    public void SuspendJob(Exception error)
    {
        if (Load.Suspend()) Log.Suspended(log, Job.Name, error.Message);
    }

    /// <summary>A statement of the job has worked.</summary>
    public void ResumeJob()
    {
        if (Load.Resume()) Log.Resumed(log, Job.Name);
    }

    /// <summary>Notes a record as this node's. False: it is already known, so it must not be taken in twice.</summary>
    public bool Know(TaskKey key)
    {
        lock (gate) return known.Add(key);
    }

    public void Forget(TaskKey key)
    {
        lock (gate) known.Remove(key);
    }

    public bool Knows(TaskKey key)
    {
        lock (gate) return known.Contains(key);
    }
}
