namespace Pampa.Tests.Scenarios;

/// <summary>What tests of schedules have in common: a tick inserts the number of its minute since the test's beginning.</summary>
internal static class ScheduleSetup
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static DateTimeOffset Minute(int number) => new DateTimeOffset(Fixtures.TestClock.Begin).AddMinutes(number);

    public static long NumberOf(ScheduleTick tick) => (long)(tick.At - Minute(0)).TotalMinutes;

    public static Action<PampaBuilder> Program(string expression, Action<ScheduleBuilder>? configure = null) => pampa =>
    {
        TestCluster.AddNumbers(pampa, job => job.Process(_ => { }));
        pampa.AddSchedule("numbers", expression, schedule =>
        {
            schedule.Do(tick => $"INSERT INTO numbers (value) VALUES ({NumberOf(tick)})");
            configure?.Invoke(schedule);
        });
    };

    /// <summary>Some seconds, in each of which all processes look.</summary>
    public static async Task TurnAsync(TestCluster cluster, int seconds, params TestProcess[] processes)
    {
        for (var i = 0; i < seconds; i++)
        {
            foreach (var process in processes) await process.TickAsync();
            await cluster.AdvanceAsync(1);
        }
    }

    /// <summary>Lets time pass beside a tick that does not end by itself.</summary>
    public static async Task LiveBesideAsync(TestCluster cluster, int seconds, TestProcess process)
    {
        for (var i = 0; i < seconds; i++)
        {
            var cycle = process.TickAsync();
            await cluster.AdvanceAsync(0.5);
            await UntilAsync(() => Task.FromResult(cycle.IsCompleted), cluster, step: 0.05);
            await cluster.AdvanceAsync(0.45);
        }
    }

    /// <summary>Waits for something that happens on other threads, while the fake clock moves a little, so that nobody waits for it.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, TestCluster cluster, double step = 0.01)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            cluster.Time.Advance(TimeSpan.FromSeconds(step));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, deadline.Token);
        }
    }

    public static List<string> Of(TestProcess process, string part) => [.. process.Lines.Where(line => line.Contains(part, StringComparison.Ordinal))];
}
