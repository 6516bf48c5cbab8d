using System.Diagnostics;

namespace Pampa.Bench.Comparing;

/// <summary>Where a peer works: a database of its own on the server that all have in turn.</summary>
internal sealed record PeerPlace(PostgresDatabase Database, string Address);

/// <summary>Somebody who works tasks off, at the best settings that are documented for him.</summary>
/// <param name="Name">For the reader, and to be chosen by.</param>
internal abstract record Peer(string Name)
{
    /// <summary>Workers of the handler that waits: as many for everybody, so that there is one ideal rate.</summary>
    public const int NapWorkers = 16;

    /// <summary>His packages and their versions.</summary>
    public abstract string Version { get; }

    /// <summary>What is set for a job, and why it is no less than his best.</summary>
    public abstract string Settings(Workload job);

    public virtual bool Does(Workload job) => true;

    /// <summary>Whether he can have many workers in one process that wait for work.</summary>
    public virtual bool CanIdle => true;

    /// <summary>How many processes work beside each other, each with all his workers.</summary>
    public virtual int Processes => 1;

    /// <summary>Whether his tables tell what was done, so that it can be compared with what he tells.</summary>
    public virtual bool IsCounted => true;

    /// <summary>Whether somebody can add tasks to him one at a time.</summary>
    public virtual bool CanBeTimed => true;

    public int Workers(Workload job) => job.Pause > TimeSpan.Zero ? NapWorkers : UsualWorkers(job);

    protected abstract int UsualWorkers(Workload job);

    /// <summary>More tasks a second than he has been seen to do, by which his backlog is made.</summary>
    protected abstract int MostPerSecond(Workload job);

    /// <summary>A backlog that outlasts so many seconds.</summary>
    public int Backlog(Workload job, TimeSpan time)
    {
        // Everybody may be held up by what waits, and no one can be quicker than that.
        var most = job.Pause > TimeSpan.Zero ? Math.Min(MostPerSecond(job), NapWorkers / job.Pause.TotalSeconds) : MostPerSecond(job);
        return (int)Math.Ceiling(most * Math.Max(1, time.TotalSeconds) / 100) * 100;
    }

    /// <summary>Makes his tables and puts tasks into them.</summary>
    public abstract Task PrepareAsync(PeerPlace place, Workload job, int size, CancellationToken stopping);

    /// <summary>His process, which works until it is told to stop and tells its progress.</summary>
    public abstract ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log);

    /// <summary>Counts what has ended as it should, in his own tables.</summary>
    public abstract Task<long> CountDoneAsync(PeerPlace place, Workload job, int size);

    /// <summary>The statement that adds the task @value.</summary>
    protected virtual string AddOne(Workload job) => Workload.Insert;

    /// <summary>
    /// Adds tasks one at a time and returns when each was committed. By the same client for all whose statement is documented: the clock is
    /// read when the commit has been answered, and some clients hear of that a third of a millisecond later than others.
    /// </summary>
    public virtual async Task<IReadOnlyDictionary<long, long>> AddOneByOneAsync(
        PeerPlace place, Workload job, int count, Func<Task> check, CancellationToken stopping)
    {
        await using var connection = await place.Database.OpenAsync();
        var committed = await LatencyRun.InsertAsync(connection, AddOne(job), count, new Pauses(new Random(1)), check, stopping);
        return committed.Select((at, i) => (at, i)).ToDictionary(c => c.i + 1L, c => c.at);
    }
}
