using Pampa.Bench;

namespace Pampa.Tests.Stretching;

/// <summary>Four hours of a load that goes up and down; docs/stretch.md shows them as a chart.</summary>
public sealed class TimelineTests
{
    private static readonly IReadOnlyList<TimelinePoint> Points = Timeline.Run();

    private static int[] Workers(int minute, int second = 30) => Points[60 * minute + second].Workers;

    [Fact]
    public void Nobody_waits_and_nobody_idles_beside_what_is_due()
    {
        foreach (var point in Points)
        {
            Assert.InRange(point.Workers.Sum(), 0, Timeline.Workers);
            for (var j = 0; j < Timeline.Jobs.Count; j++)
                if (point.Backlog[j] > 0) Assert.True(point.Workers[j] > 0, $"{Timeline.Jobs[j].Name} stands still at {point.At}");
            if (point.Backlog.Sum() >= Timeline.Workers) Assert.Equal(Timeline.Workers, point.Workers.Sum());
        }
    }

    [Fact]
    public void The_shares_follow_the_load()
    {
        // One job alone has all; two share; what has a long backlog gets what the others do not want.
        Assert.Equal([12, 0, 0], Workers(10));
        Assert.Equal([6, 6, 0], Workers(45));
        Assert.Equal([1, 1, 10], Workers(75, 2));
        Assert.Equal([12, 0, 0], Workers(200));
        Assert.Equal([0, 0, 0], Workers(230));
    }

    [Fact]
    public void Workers_move_only_where_the_load_has_changed()
    {
        // A worker that changes its job finishes what it holds first: that it happens seldom matters more than that it is perfect.
        var restless = Points.Where(p => p.Moves > 0).Select(p => (int)p.At.TotalMinutes).Distinct().Count();
        Assert.InRange(restless, 5, 40);
        Assert.InRange(Points.Sum(p => p.Moves), 20, 200);
    }
}
