using Microsoft.Extensions.Diagnostics.HealthChecks;
using Pampa.Hosting;

namespace Pampa.Tests.Units;

/// <summary>What the health checks make of how a process is.</summary>
public sealed class EngineStateTests
{
    private static readonly EngineState Well = new(
        Works: true, Dispatches: true, IsJoined: true, IsTrusted: true, KnowsLeader: true, IsLeading: false, IsDown: false, Standing: null);

    [Fact]
    public void A_process_whose_loops_turn_lives_whatever_becomes_of_the_database()
    {
        Assert.Equal(HealthStatus.Healthy, Well.Live.Status);
        Assert.Equal(HealthStatus.Healthy, (Well with { IsDown = true, IsTrusted = false, IsJoined = false }).Live.Status);
    }

    [Theory, InlineData(59, HealthStatus.Healthy), InlineData(60, HealthStatus.Degraded), InlineData(119, HealthStatus.Degraded)]
    [InlineData(120, HealthStatus.Unhealthy)]
    public void A_loop_without_a_sign_of_life_is_named(int seconds, HealthStatus status)
    {
        var (told, text) = (Well with { Standing = new StandingLoop("finisher", TimeSpan.FromSeconds(seconds)) }).Live;
        Assert.Equal(status, told);
        Assert.Equal(status != HealthStatus.Healthy, text.Contains("finisher", StringComparison.Ordinal));
    }

    [Fact]
    public void A_process_is_ready_when_the_database_answers_and_its_leases_stand()
    {
        Assert.Equal(HealthStatus.Healthy, Well.Ready.Status);
        Assert.Contains("leads", (Well with { IsLeading = true }).Ready.Text, StringComparison.Ordinal);
        Assert.Equal((HealthStatus.Unhealthy, "The database is out of reach."), (Well with { IsDown = true }).Ready);
        Assert.Equal((HealthStatus.Unhealthy, "The workers are not registered yet."), (Well with { IsJoined = false, IsTrusted = false }).Ready);
        Assert.Equal((HealthStatus.Unhealthy, "The workers' lease could not be renewed in time."), (Well with { IsTrusted = false }).Ready);
        Assert.Equal((HealthStatus.Unhealthy, "The dispatcher has not asked for the lease yet."), (Well with { KnowsLeader = false }).Ready);
    }

    [Fact]
    public void What_a_process_does_not_do_it_need_not_be_ready_for()
    {
        Assert.Equal(HealthStatus.Healthy, (Well with { Works = false, IsJoined = false, IsTrusted = false }).Ready.Status);
        Assert.Equal(HealthStatus.Healthy, (Well with { Dispatches = false, KnowsLeader = false }).Ready.Status);
    }
}
