using Microsoft.Extensions.Time.Testing;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>Who has ended a question that was not answered.</summary>
public sealed class ReadTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_database_has_ended_is_told_apart_from_what_was_given_up_here()
    {
        var time = new FakeTimeProvider();
        var reads = new Reads(time);
        await Assert.ThrowsAsync<TimeoutException>(() => reads.RunAsync<int>(_ => throw new TimeoutException("the database"), Stopping));
        // Interrupted from here, a database may say the same.
        async Task<int> InterruptedAsync(CancellationToken end)
        {
            var interrupted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registered = end.Register(interrupted.SetResult);
            await interrupted.Task;
            throw new TimeoutException("the database");
        }

        var asked = reads.RunAsync(InterruptedAsync, Stopping);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Contains("within two seconds", (await Assert.ThrowsAsync<GivenUpException>(() => asked)).Message, StringComparison.Ordinal);
    }
}
