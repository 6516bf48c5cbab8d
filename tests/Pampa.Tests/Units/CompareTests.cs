using Pampa.Bench;
using Pampa.Bench.Comparing;

namespace Pampa.Tests.Units;

/// <summary>What the side-by-side benchmark makes of what its processes tell.</summary>
public sealed class CompareTests
{
    private const long Second = 1_000_000_000;

    private static PeerLog Log(params (double At, long Count)[] points) => PeerLog.Parse(string.Concat(
        points.Select(p => FormattableString.Invariant($"p {(long)(p.At * Second)} {p.Count} {p.Count * 1_000_000}\n"))));

    private static Rate Rate(IReadOnlyList<double> perSecond, double? server = 2) => new(
        Backlog: 1_000, RanOut: false, Seconds: 10, Tasks: 500, ClientCpu: 3, server, WalBytes: 250_000, Megabytes: 80, BusySeconds: 40, Workers: 16,
        perSecond);

    [Fact]
    public void A_log_is_read_while_it_is_written()
    {
        var log = PeerLog.Parse("p 100 0 0\ne 7 120\ns 7 150\ns 7 190\np 200 3 45\np 300 1");
        Assert.Equal([new PeerPoint(100, 0, 0), new PeerPoint(200, 3, 45)], log.Points);
        Assert.Equal(3, log.Count);
        Assert.Equal(120, log.Committed[7]);
        // Of two attempts the first began it.
        Assert.Equal(150, log.Begun[7]);
        Assert.Equal(0, PeerLog.Parse("p 300").Count);
    }

    [Theory, InlineData("p 1 2\n"), InlineData("Error: connect\n"), InlineData("p one 2 3\n")]
    public void A_line_that_is_none_is_an_error(string text) => Assert.Throws<FormatException>(() => PeerLog.Parse(text));

    [Fact]
    public void Between_two_lines_tasks_come_evenly()
    {
        var log = Log((1, 0), (2, 100), (4, 400));
        Assert.Equal(0, log.CountAt(0));
        Assert.Equal(50, log.CountAt(Second * 3 / 2));
        Assert.Equal(100, log.CountAt(2 * Second));
        Assert.Equal(250, log.CountAt(3 * Second));
        Assert.Equal(400, log.CountAt(9 * Second));
        Assert.Equal(0.25, log.BusySecondsAt(3 * Second));
        Assert.Equal(0, PeerLog.Parse("").CountAt(Second));
    }

    [Fact]
    public void The_time_of_a_number_of_tasks_is_found_the_other_way_round()
    {
        var log = Log((1, 0), (2, 100), (4, 400));
        Assert.Equal(1.5 * Second, log.TimeOf(50));
        Assert.Equal(2.0 * Second, log.TimeOf(100));
        Assert.Equal(3.0 * Second, log.TimeOf(250));
        Assert.Equal(double.NaN, log.TimeOf(401));
    }

    [Fact]
    public void What_several_processes_did_is_added_up()
    {
        var both = new PeerLogs([Log((0, 0), (2, 20)), Log((1, 0), (3, 100))]);
        Assert.Equal(120, both.Count);
        Assert.Equal(15 + 25, both.CountAt(Second * 3 / 2));
        Assert.Equal([10, 60, 50], both.PerSecond(0, 3 * Second));
        Assert.Equal(0.015 + 0.025, both.BusySecondsAt(Second * 3 / 2), 6);
    }

    [Fact]
    public void Seconds_are_whole_ones_from_the_begin_of_the_window()
    {
        var log = Log((0, 0), (1, 10), (2, 30), (3, 60), (4, 100));
        Assert.Equal([15, 25, 35], log.PerSecond(Second / 2, 4 * Second - 1));
        Assert.Empty(log.PerSecond(0, Second / 2));
    }

    [Fact]
    public void A_rate_is_of_the_window_and_of_both_processors_times()
    {
        var rate = Rate([50, 50]);
        Assert.Equal(50, rate.TasksPerSecond);
        Assert.Equal(100, rate.TasksPerCpuSecond);
        Assert.Equal(6_000, rate.ClientMicroseconds, 6);
        Assert.Equal(4_000, rate.ServerMicroseconds!.Value, 6);
        Assert.Equal(500, rate.WalPerTask);
        Assert.Equal(0.25, rate.Ideal);
        Assert.Null(rate.Steadiness);
        Assert.Null(Rate([], server: null).TasksPerCpuSecond);
    }

    [Fact]
    public void Steadiness_compares_the_last_ten_seconds_with_the_first_ten() =>
        Assert.Equal(0.5, Rate([.. Enumerable.Repeat(100.0, 12), .. Enumerable.Repeat(50.0, 10)]).Steadiness);

    [Theory]
    [InlineData(1.9, "! it: 1.90, must be at least 2, aim 3: MISSED")]
    [InlineData(2.0, "  it: 2.00, must be at least 2, aim 3: kept")]
    [InlineData(3.5, "  it: 3.50, must be at least 2, aim 3: reaches its aim")]
    public void A_goal_says_how_a_figure_stands_to_it(double figure, string line) =>
        Assert.Equal(line, new Goal("it", 2, 3).Judge(Series.Of([figure])));

    [Theory]
    [InlineData(560, "! WAL: 560, must be at most 550, aim 450: MISSED")]
    [InlineData(550, "  WAL: 550, must be at most 550, aim 450: kept")]
    [InlineData(450, "  WAL: 450, must be at most 550, aim 450: reaches its aim")]
    public void Of_some_figures_less_is_better(double figure, string line) =>
        Assert.Equal(line, new Goal("WAL", 550, 450, IsLess: true).Judge(Series.Of([figure])));

    [Fact]
    public void A_figure_that_is_not_to_be_had_is_not_judged() => Assert.Equal("  it: not to be seen here", new Goal("it", 2, 3).Judge(null));
}
