namespace Pampa.Dispatching;

/// <summary>What the stretch has to know of a job.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Due">Records that are due, in hand or in long work; of many only that there are at least so many.</param>
/// <param name="MaxPendingTasks">How many of them justify one worker.</param>
/// <param name="MaxWorkers">The most workers; null: no limit.</param>
/// <param name="Weight">Its share where there are not enough workers for all.</param>
/// <param name="Turn">How long it may keep its last worker while another job waits for one.</param>
/// <param name="SeatedFor">For how long it has had a worker; zero where it has none.</param>
/// <param name="WaitingFor">For how long it has had due records and no worker.</param>
internal sealed record JobNeed(
    string Name, long Due, int MaxPendingTasks, int? MaxWorkers, int Weight, TimeSpan Turn, TimeSpan SeatedFor, TimeSpan WaitingFor)
{
    /// <summary>Whether more may be due than were counted.</summary>
    public bool HasMore { get; init; }

    /// <summary>Whether there are workers at all that may serve it, though they may be paused or in a long task just now.</summary>
    public bool HasServers { get; init; }

    /// <summary>Whether the program allows none of them work of it now.</summary>
    public bool IsBarred { get; init; }
}

/// <summary>A worker that takes tasks.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Jobs">The jobs that it may serve, as indexes, in order.</param>
/// <param name="Job">The one that it serves; null: none.</param>
/// <param name="InHand">What it has in hand of that job: the emptiest moves first.</param>
internal readonly record struct Seat(string Id, IReadOnlyList<int> Jobs, int? Job, int InHand);

/// <summary>What a job got, and why.</summary>
/// <param name="Workers">Its workers.</param>
/// <param name="Wanted">How many its due records justify.</param>
/// <param name="Reason">Why it has as many as it has.</param>
internal sealed record JobShare(int Workers, int Wanted, string Reason);

/// <summary>Who serves what.</summary>
/// <param name="Jobs">The job of each worker, in the order of the workers; null: none.</param>
/// <param name="Shares">For each job.</param>
/// <param name="Moves">Workers whose job is another one than before.</param>
internal sealed record StretchPlan(IReadOnlyList<int?> Jobs, IReadOnlyList<JobShare> Shares, int Moves);

/// <summary>
/// Stretches the workers over the jobs. A pure function: the same needs and seats give the same plan, and a plan that is fed
/// back stays as it is.
/// <para>
/// Each job with due records first gets one worker, in turns where there are more jobs than workers; then as many as its due
/// records justify, by weight where there are not enough; what is left over is lent to whoever has records for it, because a
/// worker that idles beside due records helps nobody. Workers that may serve the same jobs are alike, so that counts flow
/// between a few groups of them, and only then are workers chosen: as few as possible move, and those with the least in hand.
/// </para>
/// </summary>
internal sealed class Stretch
{
    private readonly IReadOnlyList<JobNeed> jobs;
    private readonly IReadOnlyList<Seat> seats;
    private readonly List<Group> groups = [];
    private readonly int[] matching;
    private readonly int[] given;

    /// <summary>Workers that may serve the same jobs.</summary>
    private sealed class Group(IReadOnlyList<int> jobs, int jobCount)
    {
        public IReadOnlyList<int> Jobs => jobs;

        public List<int> Members { get; } = [];

        /// <summary>How many of them each job had, and how many it gets.</summary>
        public int[] Had { get; } = new int[jobCount];

        public int[] Gets { get; } = new int[jobCount];

        public int Used { get; set; }
    }

    private Stretch(IReadOnlyList<JobNeed> jobs, IReadOnlyList<Seat> seats)
    {
        this.jobs = jobs;
        this.seats = seats;
        matching = new int[jobs.Count];
        given = new int[jobs.Count];
        var byJobs = new Dictionary<string, Group>(StringComparer.Ordinal);
        for (var w = 0; w < seats.Count; w++)
        {
            var key = string.Join(',', seats[w].Jobs);
            if (!byJobs.TryGetValue(key, out var group)) groups.Add(byJobs[key] = group = new Group(seats[w].Jobs, jobs.Count));
            group.Members.Add(w);
            foreach (var j in seats[w].Jobs) matching[j]++;
            if (seats[w].Job is { } had && seats[w].Jobs.Contains(had)) group.Had[had]++;
        }
    }

    /// <summary>Decides.</summary>
    public static StretchPlan Plan(IReadOnlyList<JobNeed> jobs, IReadOnlyList<Seat> seats) => new Stretch(jobs, seats).Plan();

    /// <summary>How many workers a job's due records justify, whatever there is; where they were not counted to the end, as many as it may have.</summary>
    public static int Wanted(JobNeed job) => job.Due <= 0 ? 0 : job.HasMore ? job.MaxWorkers ?? int.MaxValue
        : (int)Math.Clamp((job.Due + job.MaxPendingTasks - 1) / job.MaxPendingTasks, 1, job.MaxWorkers ?? int.MaxValue);

    private StretchPlan Plan()
    {
        // More than may serve it is as much as all of them.
        var wanted = jobs.Select((job, j) => Math.Min(Wanted(job), Math.Max(1, matching[j]))).ToArray();
        int[] all = [.. Enumerable.Range(0, jobs.Count)];
        foreach (var j in all.Where(j => wanted[j] > 0).OrderBy(TurnClass).ThenByDescending(j => jobs[j].WaitingFor)) Give(j);
        Fill(j => wanted[j]);
        var own = (int[])given.Clone();
        Fill(j => (int)Math.Min(jobs[j].Due, jobs[j].MaxWorkers ?? int.MaxValue));
        var chosen = Choose();
        var moves = seats.Where((seat, w) => seat.Job != chosen[w]).Count();
        return new StretchPlan(chosen, [.. all.Select(j => new JobShare(given[j], wanted[j], Reason(j, wanted[j], own[j])))], moves);
    }

    // Who has a worker and whose turn is not over keeps it; then those who wait; then those who had their turn.
    private int TurnClass(int j) => jobs[j].SeatedFor > TimeSpan.Zero ? (jobs[j].SeatedFor < jobs[j].Turn ? 0 : 2) : 1;

    /// <summary>One worker after the other to the job that has the least for its weight, up to what it may have.</summary>
    private void Fill(Func<int, int> most)
    {
        var open = Enumerable.Range(0, jobs.Count).Where(j => given[j] > 0 && given[j] < most(j)).ToList();
        while (open.Count > 0)
        {
            var next = open.MinBy(j => (double)(given[j] + 1) / jobs[j].Weight);
            if (!Give(next) || given[next] >= most(next)) open.Remove(next);
        }
    }

    /// <summary>
    /// Gives a job one more worker: a free one, or one of a job that can take another one instead. False: there is none.
    /// </summary>
    private bool Give(int job)
    {
        var from = new Dictionary<int, (int Job, Group Group)>();
        var queue = new Queue<int>([job]);
        var seen = new HashSet<int> { job };
        while (queue.TryDequeue(out var next))
        {
            var j = next;
            // Where it already has workers none has to move; and who may serve nobody else is left for nobody else.
            foreach (var group in groups.Where(g => g.Jobs.Contains(j)).OrderByDescending(g => Math.Sign(g.Had[j] - g.Gets[j])).ThenBy(g => g.Jobs.Count))
            {
                if (group.Used < group.Members.Count)
                {
                    group.Used++;
                    group.Gets[j]++;
                    while (j != job)
                    {
                        var (taker, shared) = from[j];
                        shared.Gets[j]--;
                        shared.Gets[taker]++;
                        j = taker;
                    }
                    given[job]++;
                    return true;
                }
                foreach (var holder in group.Jobs.Where(k => group.Gets[k] > 0 && seen.Add(k)))
                {
                    from[holder] = (j, group);
                    queue.Enqueue(holder);
                }
            }
        }
        return false;
    }

    /// <summary>Chooses the workers: whoever may stay stays, the fullest hands first.</summary>
    private int?[] Choose()
    {
        var chosen = new int?[seats.Count];
        foreach (var group in groups)
        {
            var left = (int[])group.Gets.Clone();
            foreach (var w in group.Members.Where(w => seats[w].Job is not null).OrderByDescending(w => seats[w].InHand))
            {
                var job = seats[w].Job!.Value;
                if (left[job] == 0) continue;
                left[job]--;
                chosen[w] = job;
            }
            var free = new Queue<int>(group.Members.Where(w => chosen[w] is null).OrderBy(w => seats[w].Job is not null).ThenBy(w => seats[w].InHand));
            for (var j = 0; j < left.Length; j++)
            {
                for (; left[j] > 0; left[j]--) chosen[free.Dequeue()] = j;
            }
        }
        return chosen;
    }

    private string Reason(int j, int wanted, int own)
    {
        var job = jobs[j];
        if (job.Due <= 0) return "nothing is due";
        var due = FormattableString.Invariant($"{job.Due:N0}{(job.HasMore ? "+" : "")} due at {job.MaxPendingTasks:N0} a worker want {wanted:N0}");
        if (matching[j] == 0 && job is { HasServers: true, IsBarred: true }) return $"{due}, but Allow lets none of its workers have work now";
        if (matching[j] == 0) return job.HasServers ? $"{due}, but all that may serve it are in long tasks or paused" : $"{due}, but no worker may serve it";
        if (given[j] == 0) return $"{due}, but it waits for its turn: there are more jobs than workers";
        if (given[j] > own) return FormattableString.Invariant($"{due}; {given[j] - own:N0} more that nobody else wants");
        var wantsMore = job.HasMore || job.Due > (long)wanted * job.MaxPendingTasks;
        if (own >= wanted && !wantsMore) return due;
        if (own >= wanted) return job.MaxWorkers == wanted ? $"{due}, which is its limit" : $"{due}, which is all that may serve it";
        return $"{due}, but other jobs want the others";
    }
}
