using Pampa.Dispatching;
using Pampa.Jobs;

namespace Pampa.Bench;

/// <summary>A job of the timeline.</summary>
/// <param name="Name">Its name.</param>
/// <param name="PerWorker">Tasks that one worker ends a second.</param>
/// <param name="Arrivals">Tasks that come in a second.</param>
internal sealed record TimelineJob(string Name, double PerWorker, Func<TimeSpan, double> Arrivals);

/// <summary>One second of the timeline.</summary>
/// <param name="At">Since the beginning.</param>
/// <param name="Workers">Workers of each job.</param>
/// <param name="Backlog">Due tasks of each job.</param>
/// <param name="Moves">Workers that changed their job in this second.</param>
internal sealed record TimelinePoint(TimeSpan At, int[] Workers, long[] Backlog, int Moves);

/// <summary>
/// Hours of a changing load in a moment: the stretch as the dispatcher uses it, once a second, with jobs whose tasks are only counted.
/// </summary>
internal static class Timeline
{
    public const int Workers = 12;
    public static readonly TimeSpan Length = TimeSpan.FromHours(4);

    /// <summary>A steady one, one that goes up and down in steps, and one that gets much at once, twice.</summary>
    public static IReadOnlyList<TimelineJob> Jobs { get; } =
    [
        new("orders", 5, _ => 20),
        new("reports", 10, at => at.TotalMinutes switch { < 30 => 0, < 60 => 30, < 120 => 60, < 180 => 10, _ => 0 }),
        new("pages", 4, at => at == TimeSpan.FromMinutes(75) || at == TimeSpan.FromMinutes(150) ? 60_000 : 0),
    ];

    public static IReadOnlyList<TimelinePoint> Run()
    {
        var time = new Ticks();
        var definitions = Jobs.Select(Definition).ToList();
        var states = Jobs.Select(_ => new JobStretch(time)).ToList();
        var backlog = new double[Jobs.Count];
        var serving = new int?[Workers];
        var points = new List<TimelinePoint>();
        int[] all = [.. Enumerable.Range(0, Jobs.Count)];
        for (var at = TimeSpan.Zero; at < Length; at += TimeSpan.FromSeconds(1))
        {
            // In the last quarter of an hour nothing comes any more.
            foreach (var j in all) backlog[j] += at < Length - TimeSpan.FromMinutes(15) ? Jobs[j].Arrivals(at) : 0;
            foreach (var j in all) states[j].See((long)Math.Ceiling(backlog[j]), isHeld: false);
            var needs = all.Select(j => states[j].Need(definitions[j], TimeSpan.FromSeconds(1 / Jobs[j].PerWorker))).ToList();
            var seats = serving.Select((job, w) => new Seat($"node.{w + 1}", all, job, 0)).ToList();
            var plan = Stretch.Plan(needs, seats);
            serving = [.. plan.Jobs];
            foreach (var j in all) states[j].Share(plan.Shares[j]);
            foreach (var j in all) backlog[j] = Math.Max(0, backlog[j] - plan.Shares[j].Workers * Jobs[j].PerWorker);
            points.Add(new TimelinePoint(at, [.. plan.Shares.Select(s => s.Workers)], [.. backlog.Select(b => (long)b)], plan.Moves));
            time.Now++;
        }
        return points;
    }

    private static JobDefinition Definition(TimelineJob job)
    {
        var program = new PampaBuilder();
        program.AddJob(job.Name, job.Name, "id", j => j.Process(_ => { }));
        return program.Build([]).Single();
    }

    /// <summary>Seconds that pass when they are told to.</summary>
    private sealed class Ticks : TimeProvider
    {
        public long Now { get; set; } = 1;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Now;
    }
}
