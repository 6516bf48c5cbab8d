using Microsoft.Extensions.Time.Testing;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

public sealed class PaceTests
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private readonly FakeTimeProvider time = new();

    private void Pass(Pace pace, double seconds)
    {
        var began = time.GetTimestamp();
        time.Advance(TimeSpan.FromSeconds(seconds));
        pace.End(began);
    }

    private double Wait(Pace pace)
    {
        for (var seconds = 0; seconds < 10_000; seconds++)
        {
            if (pace.IsDue) return seconds;
            time.Advance(TimeSpan.FromSeconds(1));
        }
        return double.PositiveInfinity;
    }

    [Fact]
    public void The_first_is_due_at_once_and_the_others_are_regular()
    {
        var pace = new Pace(Every, time);
        Assert.True(pace.IsDue);
        Pass(pace, 0.1);
        Assert.Equal(10, Wait(pace));
    }

    [Fact]
    public void What_takes_long_comes_seldom()
    {
        var pace = new Pace(Every, time);
        Pass(pace, 0.4);
        Assert.Equal(20, Wait(pace));
        Pass(pace, 0.5);
        Assert.Equal(20, Wait(pace));
        Pass(pace, 0.5);
        Pass(pace, 0.5);
        Assert.Equal(25, Wait(pace));
    }

    [Fact]
    public void Two_that_took_long_hold_nothing_up()
    {
        var pace = new Pace(Every, time, rarity: 50);
        Pass(pace, 0.1);
        Pass(pace, 30);
        Assert.Equal(10, Wait(pace));
        Pass(pace, 30);
        Assert.Equal(10, Wait(pace));
        Pass(pace, 0.1);
        Assert.Equal(10, Wait(pace));
    }

    [Fact]
    public void An_outage_is_not_taken_for_a_long_table()
    {
        var pace = new Pace(Every, time);
        Pass(pace, 30);
        // Four times as seldom, and not 1,500 seconds.
        Assert.Equal(40, Wait(pace));
    }

    [Fact]
    public void Hastened_it_comes_as_soon_as_its_own_duration_allows_and_once()
    {
        var pace = new Pace(Every, time);
        Pass(pace, 0.1);
        pace.Hasten();
        Assert.Equal(5, Wait(pace));
        Pass(pace, 0.1);
        Assert.Equal(10, Wait(pace));
        pace.Hasten();
        Pass(pace, 0);
        pace.Hasten();
        Assert.Equal(0, Wait(pace));
    }
}
