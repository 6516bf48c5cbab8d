using Microsoft.Extensions.Time.Testing;
using Pampa.Working;

namespace Pampa.Tests.Units;

/// <summary>The token of an attempt, and the one timer that all attempts of a worker share.</summary>
public sealed class AttemptTests : IDisposable
{
    private readonly FakeTimeProvider clock = new();
    private readonly Attempt attempt;

    public AttemptTests() => attempt = new Attempt(clock);

    public void Dispose() => attempt.Dispose();

    [Fact]
    public void Each_has_its_own_time_whenever_the_timer_was_wound_up()
    {
        attempt.Begin(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(6));
        attempt.End();
        attempt.Begin(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(9.999));
        Assert.Equal((false, Interruption.None), (attempt.Token.IsCancellationRequested, attempt.Why));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((true, Interruption.MaxDuration), (attempt.Token.IsCancellationRequested, attempt.Why));
    }

    [Fact]
    public void A_short_one_that_follows_a_long_one_does_not_wait_for_its_time()
    {
        attempt.Begin(TimeSpan.FromHours(1));
        attempt.End();
        attempt.Begin(TimeSpan.FromSeconds(1));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((true, "MaxDuration of 00:00:01 exceeded"), (attempt.Token.IsCancellationRequested, attempt.Told()));
    }

    [Fact]
    public void One_that_has_ended_is_not_cancelled_and_the_next_one_is_whole()
    {
        attempt.Begin(TimeSpan.FromSeconds(1));
        attempt.End();
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False(attempt.Token.IsCancellationRequested);
        Assert.False(attempt.Interrupt(Interruption.Shutdown));

        attempt.Begin(TimeSpan.FromSeconds(1));
        Assert.True(attempt.Interrupt(Interruption.Shutdown));
        Assert.False(attempt.Interrupt(Interruption.LeaseLost));
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((true, Interruption.Shutdown), (attempt.Token.IsCancellationRequested, attempt.Why));
        attempt.End();

        attempt.Begin(TimeSpan.FromSeconds(1));
        Assert.Equal((false, Interruption.None), (attempt.Token.IsCancellationRequested, attempt.Why));
        Assert.False(attempt.Interrupt(Interruption.TakenAway, only: attempt.Round - 1));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Interruption.MaxDuration, attempt.Why);
    }
}
