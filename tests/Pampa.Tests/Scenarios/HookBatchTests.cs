using System.Collections.Concurrent;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>Hooks of jobs whose handler takes many tasks at once: each task of a batch has its own, once.</summary>
public sealed class HookBatchTests
{
    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task Each_task_of_a_batch_has_its_statements_once_whatever_comes_of_it(Engine engine)
    {
        await using var cluster = await HookTests.ClusterAsync(engine, 8);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job =>
        {
            // NULL, where none may stand: the first start of one is refused, and the first completion of another.
            job.OnStarting(about => HookTests.Audit(about, about is { Key: "5", Attempt: 1 } ? null : "starting"));
            job.OnFinished(about => HookTests.Audit(
                about, about is { Key: "6", Attempt: 1, Outcome: TaskOutcome.Completed } ? null : $"{about.Outcome} {about["note"]}".TrimEnd()));
            job.ProcessBatch(8, (tasks, _) =>
            {
                foreach (var task in tasks)
                {
                    task["note"] = "set";
                    if (tasks.Count == 1 || task.Attempt > 1) continue;
                    if (task.Key == "1") task.Fail("once");
                    else if (task.Key == "2") task.Fail("never", permanently: true);
                    else if (task.Key == "3") task.Snooze(TimeSpan.FromSeconds(1));
                }
                if (tasks.Any(t => t is { Key: "4", Attempt: 1 })) throw new FormatException("four");
            });
        }, workers: 1);

        await process.RoundAsync();
        Assert.Equal([1L, 2, 3, 4, 6, 7, 8], cluster.Batches.First());
        await cluster.UntilEndedAsync();

        Assert.Equal(["1.1 starting", "1.1 Again", "1.2 starting", "1.2 Completed set"], await HookTests.AuditAsync(cluster, "task = 1"));
        Assert.Equal(["2.1 starting", "2.1 Failed"], await HookTests.AuditAsync(cluster, "task = 2"));
        Assert.Equal(["3.1 starting", "3.1 Snoozed set", "3.1 starting", "3.1 Completed set"], await HookTests.AuditAsync(cluster, "task = 3"));
        Assert.Equal(["4.1 starting", "4.1 Again", "4.2 starting", "4.2 Completed set"], await HookTests.AuditAsync(cluster, "task = 4"));
        Assert.Equal(["5.2 starting", "5.2 Completed set"], await HookTests.AuditAsync(cluster, "task = 5"));
        Assert.Equal(["6.1 starting", "6.1 Again", "6.2 starting", "6.2 Completed set"], await HookTests.AuditAsync(cluster, "task = 6"));
        foreach (var key in new[] { 7, 8 })
            Assert.Equal([$"{key}.1 starting", $"{key}.1 Completed set"], await HookTests.AuditAsync(cluster, $"task = {key}"));
        Assert.Equal((0, 0), (process.Counters.Open, process.Node.Running));
    }

    private sealed record Noted(long Value, string? Note);

    [Fact]
    public async Task Code_is_told_of_each_task_of_a_batch_once_however_often_it_is_run_in_halves()
    {
        await using var cluster = await HookTests.ClusterAsync(records: 4);
        cluster.AttemptsAreGivenBack = true;
        var told = new ConcurrentQueue<string>();
        await cluster.StartAsync(job =>
        {
            job.OnStarting(about => told.Enqueue($"{about.Key}.{about.Attempt} starts"));
            job.OnFinished(about => told.Enqueue($"{about.Key}.{about.Attempt} {about.Outcome} {about["note"]}".TrimEnd()));
            job.ProcessBatch<Noted>(4, (tasks, _) =>
            {
                foreach (var task in tasks) task.Row = task.Row with { Note = "set" };
                if (tasks.Any(t => t is { Row.Value: 3, Attempt: 1 })) throw new FormatException("three");
            });
        }, workers: 1);
        await cluster.UntilEndedAsync();
        Assert.Equal(["1.1 Completed set", "1.1 starts", "2.1 Completed set", "2.1 starts", "3.1 Again", "3.1 starts", "3.2 Completed set", "3.2 starts", "4.1 Completed set", "4.1 starts"],
            told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_is_given_back_of_a_batch_has_its_statement_too()
    {
        await using var cluster = await HookTests.ClusterAsync(records: 3);
        cluster.AttemptsAreGivenBack = true;
        var process = await cluster.StartAsync(job =>
        {
            HookTests.AuditAll(job);
            job.ProcessBatch(3, (_, _) => { });
        }, workers: 1);
        await process.DispatchAsync();
        await process.StartAsync();
        process.Node.ForgiveWaiting();
        await cluster.UntilEndedAsync();
        foreach (var key in new[] { 1, 2, 3 })
            Assert.Equal([$"{key}.1 starting", $"{key}.1 GivenBack", $"{key}.1 starting", $"{key}.1 Completed"], await HookTests.AuditAsync(cluster, $"task = {key}"));
    }

    [Fact]
    public async Task A_batch_whose_statements_take_long_to_run_is_run_with_what_has_started()
    {
        await using var cluster = await HookTests.ClusterAsync(records: 5);
        var process = await cluster.StartAsync(job =>
        {
            job.OnStarting(about =>
            {
                cluster.Time.Advance(TimeSpan.FromSeconds(1.5));
                return HookTests.Audit(about, "starting");
            });
            job.ProcessBatch(5, (_, _) => { });
        }, workers: 1);
        await process.RoundAsync();
        Assert.Equal([1L, 2], Assert.Single(cluster.Batches));
        await cluster.UntilEndedAsync();
        Assert.Equal([1L, 2, 3, 4, 5], cluster.Batches.SelectMany(b => b).Order());
        Assert.Equal(5, (await HookTests.AuditAsync(cluster)).Count);
        Assert.Equal((5, 5, 0), (process.Counters.Started, process.Counters.Completed, process.Counters.Forgiven));
    }
}
