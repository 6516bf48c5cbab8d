using Pampa.Commands;
using Pampa.Hosting;

namespace Pampa.Tests.Units;

public sealed class RestartPolicyTests
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Fact]
    public void Early_deaths_double_the_pause_up_to_half_a_minute_and_a_minutes_life_forgives_them()
    {
        var policy = new RestartPolicy();
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], Enumerable.Range(0, 7).Select(_ => policy.After(139, Seconds(1), false)!.Value.TotalSeconds));
        Assert.Equal(Seconds(1), policy.After(139, Seconds(60), true));
        Assert.Equal(Seconds(2), policy.After(139, Seconds(59), true));
        policy.Forgive();
        Assert.Equal(Seconds(1), policy.After(139, Seconds(1), true));
    }

    [Theory, InlineData(ExitCode.Configuration), InlineData(ExitCode.WorkerIdTaken)]
    public void A_worker_that_cannot_even_begin_is_not_started_again_but_one_that_has_worked_is(int code)
    {
        Assert.Null(new RestartPolicy().After(code, Seconds(90), hasBegun: false));
        Assert.NotNull(new RestartPolicy().After(code, Seconds(1), hasBegun: true));
    }
}
