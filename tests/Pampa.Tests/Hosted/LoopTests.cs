using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Hosted;

/// <summary>What a loop outlives, and what it does not.</summary>
public sealed class LoopTests : IDisposable
{
    private const int Turns = 50;
    private static readonly SqliteDialect Dialect = new();
    private readonly FakeTimeProvider time = new();
    private readonly Watchdog watchdog = new(() => { });
    private readonly CancellationTokenSource stopping = new();
    private int turns;

    public void Dispose()
    {
        watchdog.Dispose();
        stopping.Dispose();
    }

    // Each turn is told its number.
    private Task RunAsync(Func<int, bool> cycle)
    {
        var health = new DatabaseHealth(Dialect, "a test's", NullLogger.Instance, time);
        return new Loop(Dialect, health, watchdog, NullLogger.Instance, time, new Random(1)).RunAsync(
            "test", _ => Task.FromResult(cycle(++turns)), new Signal(), () => TimeSpan.FromSeconds(1), stopping.Token);
    }

    private async Task UntilAsync(Func<bool> isSo)
    {
        for (var i = 0; i < 1_000_000 && !isSo(); i++)
        {
            time.Advance(TimeSpan.FromSeconds(4));
            await Task.Yield();
        }
        Assert.True(isSo(), $"after {turns} turns");
    }

    [Fact]
    public async Task Ten_faults_running_end_it_with_the_error()
    {
        var run = RunAsync(_ => throw new InvalidOperationException("a fault of the program"));
        await UntilAsync(() => run.IsCompleted);
        Assert.Equal("a fault of the program", (await Assert.ThrowsAsync<InvalidOperationException>(() => run)).Message);
        Assert.Equal(10, turns);
    }

    [Fact]
    public async Task A_first_turn_that_stands_still_does_not_hold_up_whoever_starts_it()
    {
        using var go = new ManualResetEventSlim();
        var run = RunAsync(_ =>
        {
            go.Wait(TestContext.Current.CancellationToken);
            return false;
        });
        Assert.False(run.IsCompleted);
        go.Set();
        await EndAsync(run);
    }

    [Fact]
    public async Task A_turn_that_works_forgives_the_faults_before_it()
    {
        var run = RunAsync(turn => turn % 10 == 0 ? false : throw new InvalidOperationException("now and then"));
        await UntilAsync(() => turns >= Turns);
        Assert.False(run.IsCompleted);
        await EndAsync(run);
    }

    [Theory]
    [InlineData(10, "the disk is away")]
    [InlineData(5, "somebody else writes")]
    [InlineData(19, "a rule of the table")]
    public async Task What_the_database_refuses_never_ends_it(int code, string why)
    {
        var run = RunAsync(_ => throw new SqliteException(why, code));
        await UntilAsync(() => turns >= Turns);
        Assert.False(run.IsCompleted);
        await EndAsync(run);
    }

    private async Task EndAsync(Task run)
    {
        await stopping.CancelAsync();
        await UntilAsync(() => run.IsCompleted);
        await run;
    }
}
