using Pampa.Dispatching;

namespace Pampa.Tests.Stretching;

/// <summary>What must hold of the stretch for any load, any filters and any state; and the examples that people know.</summary>
public sealed class StretchTests
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(10);

    private static JobNeed Need(long due, int? most = null, int weight = 1, int seated = 0, int waiting = 0, int each = 500) =>
        new($"job {due}", due, each, most, weight, Turn, TimeSpan.FromSeconds(seated), TimeSpan.FromSeconds(waiting));

    private static Seat[] Seats(int count, int jobs, params int?[] serving) => [.. Enumerable.Range(0, count)
        .Select(w => new Seat($"w.{w}", [.. Enumerable.Range(0, jobs)], w < serving.Length ? serving[w] : null, 0))];

    private static int[] Workers(StretchPlan plan) => [.. plan.Shares.Select(s => s.Workers)];

    /// <summary>Any number of jobs and workers, with any filters; who serves what is as somebody left it.</summary>
    private static (JobNeed[] Jobs, Seat[] Seats) Any(Random random)
    {
        var jobCount = random.Next(1, 8);
        var jobs = Enumerable.Range(0, jobCount).Select(_ => Need(
            random.Next(3) == 0 ? 0 : random.NextInt64(1, 10_000), random.Next(3) == 0 ? random.Next(1, 12) : null, random.Next(1, 5),
            random.Next(2) * random.Next(1, 30), random.Next(30), random.Next(1, 1_000))).ToArray();
        var kinds = Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => Enumerable.Range(0, jobCount).Where(_ => random.Next(4) > 0).ToArray()).ToArray();
        var seats = Enumerable.Range(0, random.Next(0, 20)).Select(w => new Seat(
            $"w.{w}", kinds[random.Next(kinds.Length)], random.Next(2) == 0 ? random.Next(jobCount) : null, random.Next(10))).ToArray();
        return (jobs, seats);
    }

    private static void ForAny(Action<JobNeed[], Seat[], StretchPlan> check)
    {
        for (var seed = 1; seed <= 3_000; seed++)
        {
            var (jobs, seats) = Any(new Random(seed));
            try
            {
                check(jobs, seats, Stretch.Plan(jobs, seats));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }
        }
    }

    /// <summary>How many workers the jobs can have at most, by trying: a matching of jobs, each as often as it may have one.</summary>
    private static int Most(Seat[] seats, int[] places)
    {
        var of = new int?[seats.Length];
        return Enumerable.Range(0, places.Length).Count(p => TryPlace(p, []));

        bool TryPlace(int place, HashSet<int> seen)
        {
            for (var w = 0; w < seats.Length; w++)
            {
                if (!seats[w].Jobs.Contains(places[place]) || !seen.Add(w)) continue;
                if (of[w] is { } other && !TryPlace(other, seen)) continue;
                of[w] = place;
                return true;
            }
            return false;
        }
    }

    [Fact]
    public void No_job_has_more_workers_than_its_limit_and_its_records_and_none_outside_its_filter() => ForAny((jobs, seats, plan) =>
    {
        for (var w = 0; w < seats.Length; w++) Assert.True(plan.Jobs[w] is not { } job || seats[w].Jobs.Contains(job));
        for (var j = 0; j < jobs.Length; j++)
        {
            Assert.Equal(plan.Jobs.Count(job => job == j), plan.Shares[j].Workers);
            Assert.InRange(plan.Shares[j].Workers, 0, Math.Min(jobs[j].Due, jobs[j].MaxWorkers ?? int.MaxValue));
        }
    });

    [Fact]
    public void Nobody_with_due_records_goes_without_a_worker_where_there_is_one_for_everybody() => ForAny((jobs, seats, plan) =>
    {
        int[] due = [.. Enumerable.Range(0, jobs.Length).Where(j => jobs[j].Due > 0)];
        Assert.Equal(Most(seats, due), due.Count(j => plan.Shares[j].Workers > 0));
    });

    [Fact]
    public void No_worker_idles_beside_records_that_it_could_work_on() => ForAny((jobs, seats, plan) =>
    {
        int[] places = [.. Enumerable.Range(0, jobs.Length).Where(j => plan.Shares[j].Workers > 0)
            .SelectMany(j => Enumerable.Repeat(j, (int)Math.Min(seats.Length, Math.Min(jobs[j].Due, jobs[j].MaxWorkers ?? int.MaxValue))))];
        Assert.Equal(Most(seats, places), plan.Jobs.Count(job => job is not null));
    });

    [Fact]
    public void A_plan_that_is_fed_back_stays_as_it_is() => ForAny((jobs, seats, plan) =>
    {
        // Whoever got a worker keeps it for a turn, and who waits waits on.
        var later = jobs.Select((job, j) => job with { SeatedFor = plan.Shares[j].Workers > 0 ? TimeSpan.FromSeconds(1) : TimeSpan.Zero }).ToArray();
        var again = Stretch.Plan(later, [.. seats.Select((seat, w) => seat with { Job = plan.Jobs[w] })]);
        Assert.Equal(0, again.Moves);
        Assert.Equal(plan.Jobs, again.Jobs);
    });

    [Fact]
    public void No_more_workers_move_than_must_where_all_may_serve_all() => ForAny((jobs, seats, _) =>
    {
        Seat[] open = [.. seats.Select(s => s with { Jobs = [.. Enumerable.Range(0, jobs.Length)] })];
        var plan = Stretch.Plan(jobs, open);
        var had = Enumerable.Range(0, jobs.Length).Select(j => open.Count(s => s.Job == j)).ToArray();
        var grown = Enumerable.Range(0, jobs.Length).Sum(j => Math.Max(0, plan.Shares[j].Workers - had[j]));
        var shrunk = Enumerable.Range(0, jobs.Length).Sum(j => Math.Max(0, had[j] - plan.Shares[j].Workers));
        // Those that serve nobody are taken first: they have nothing to finish.
        Assert.Equal(shrunk + Math.Min(grown, open.Count(s => s.Job is null)), plan.Moves);
    });

    [Fact]
    public void Where_all_want_more_than_there_is_they_share_by_weight()
    {
        var plan = Stretch.Plan([Need(100_000, weight: 3), Need(100_000), Need(100_000, weight: 2)], Seats(12, 3));
        Assert.Equal([6, 2, 4], Workers(plan));
        Assert.Contains("other jobs want the others", plan.Shares[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_job_does_not_want_others_get_and_what_nobody_wants_is_lent()
    {
        Assert.Equal([1, 7], Workers(Stretch.Plan([Need(400), Need(100_000)], Seats(8, 2))));
        // One would be enough, but the others would idle beside what is due.
        Assert.Equal([8], Workers(Stretch.Plan([Need(400)], Seats(8, 1))));
        Assert.Equal([3], Workers(Stretch.Plan([Need(3)], Seats(8, 1))));
        Assert.Equal([2, 0], Workers(Stretch.Plan([Need(400, most: 2), Need(0)], Seats(8, 2))));
    }

    [Fact]
    public void The_first_worker_of_each_node_is_all_that_a_filter_leaves()
    {
        Seat[] seats = [new("a.1", [0, 1], null, 0), new("a.2", [1], null, 0), new("b.1", [0, 1], 1, 5), new("b.2", [1], 1, 0)];
        var plan = Stretch.Plan([Need(9_000), Need(9_000)], seats);
        Assert.Equal([0, 1, 0, 1], plan.Jobs);
        Assert.Equal(0, Stretch.Plan([Need(9_000), Need(0)], [seats[1]]).Shares[0].Workers);
    }

    [Fact]
    public void The_emptiest_hands_move_first()
    {
        Seat[] seats = [.. Seats(4, 2, 0, 0, 0, 0).Select((s, w) => s with { InHand = w == 2 ? 0 : 5 })];
        Assert.Equal([0, 0, 1, 0], Stretch.Plan([Need(9_000, weight: 3), Need(9_000)], seats).Jobs);
    }

    [Theory, InlineData(3, 2), InlineData(5, 2), InlineData(7, 3), InlineData(2, 1)]
    public void With_fewer_workers_than_jobs_nobody_waits_longer_than_the_turns_of_the_others(int jobCount, int workers)
    {
        var seated = new int[jobCount];
        var waiting = new int[jobCount];
        var worst = 0;
        int?[] serving = new int?[workers];
        for (var second = 0; second < 600; second++)
        {
            var needs = Enumerable.Range(0, jobCount).Select(j => Need(1_000, seated: seated[j], waiting: waiting[j])).ToArray();
            var plan = Stretch.Plan(needs, Seats(workers, jobCount, serving));
            serving = [.. plan.Jobs];
            Assert.Equal(workers, serving.Count(job => job is not null));
            for (var j = 0; j < jobCount; j++)
            {
                seated[j] = plan.Shares[j].Workers > 0 ? seated[j] + 1 : 0;
                waiting[j] = plan.Shares[j].Workers > 0 ? 0 : waiting[j] + 1;
                worst = Math.Max(worst, waiting[j]);
            }
        }
        Assert.InRange(worst, 1, (int)Math.Ceiling((double)jobCount / workers) * Turn.TotalSeconds);
    }
}
