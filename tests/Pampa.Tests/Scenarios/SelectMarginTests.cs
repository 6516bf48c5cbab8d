using Pampa.Dispatching;

namespace Pampa.Tests.Scenarios;

/// <summary>How much a job's own selection is asked for.</summary>
public sealed class SelectMarginTests
{
    [Fact]
    public async Task It_is_asked_for_more_only_while_to_look_at_the_answer_does_not_keep_the_leader_from_the_rest()
    {
        await using var cluster = await TestCluster.CreateAsync();
        var asked = 0;
        var process = await cluster.StartAsync(job =>
        {
            job.Process(_ => { });
            job.Select(context =>
            {
                asked = context.Max;
                return Enumerable.Range(1, context.Max).Select(key => $"{key}");
            });
        });
        var selection = new JobSelection(process.Lane.Store, cluster.Time);
        // All that comes first is held.
        Assert.True(await AskAsync(TimeSpan.Zero));
        Assert.Equal(10, asked);
        Assert.True(await AskAsync(TimeSpan.FromSeconds(1)));
        Assert.Equal(20, asked);
        Assert.False(await AskAsync(TimeSpan.FromSeconds(1.1)));
        Assert.Equal(30, asked);
        await AskAsync(TimeSpan.Zero);
        Assert.Equal(20, asked);

        async Task<bool> AskAsync(TimeSpan looking)
        {
            var named = await selection.AskAsync(10, TestCluster.Stopping);
            cluster.Time.Advance(looking);
            return selection.Settle(named!.Rows, reserved: 0, isInVain: false);
        }
    }
}
