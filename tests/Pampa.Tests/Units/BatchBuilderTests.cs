using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>Every way in which a program may write the handler of a batch binds to what it looks like; what cannot be is told before the start.</summary>
public sealed class BatchBuilderTests
{
    private sealed record Number(long Value, bool? IsOdd);

    private static (JobDefinition? Job, List<string> Errors) Build(Action<JobBuilder> configure)
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", configure);
        var errors = new List<string>();
        return (builder.Build(errors).SingleOrDefault(), errors);
    }

    private static BatchHandler Handler(Action<JobBuilder> configure)
    {
        var (job, errors) = Build(configure);
        Assert.Empty(errors);
        return job!.Handler.Batch!;
    }

    private static Task RunAsync(Action<JobBuilder> configure) => Handler(configure).RunAsync([], default).AsTask();

    private static async Task IsAwaitedAsync(Action<JobBuilder, Task> configure)
    {
        var source = new TaskCompletionSource();
        var running = RunAsync(job => configure(job, source.Task));
        Assert.False(running.IsCompleted);
        source.SetException(new FormatException("from the handler"));
        await Assert.ThrowsAsync<FormatException>(() => running);
    }

    [Fact]
    public async Task What_a_handler_starts_is_awaited()
    {
        await IsAwaitedAsync((job, task) => job.ProcessBatch(10, async (_, _) => await task));
        await IsAwaitedAsync((job, task) => job.ProcessBatch(10, (_, _) => task));
        await IsAwaitedAsync((job, task) => job.ProcessBatch(10, (_, _) => After(task)));
        await IsAwaitedAsync((job, task) => job.ProcessBatch<Number>(10, async (_, _) => await task));
        await IsAwaitedAsync((job, task) => job.ProcessBatch<Number>(10, (_, _) => task));
        await IsAwaitedAsync((job, task) => job.ProcessBatch<Number>(10, (_, _) => After(task)));

        static ValueTask After(Task task) => new(task);
    }

    [Fact]
    public async Task A_handler_without_a_result_runs_and_one_that_throws_does()
    {
        var ran = 0;
        await RunAsync(job => job.ProcessBatch(10, (_, _) => { ran++; }));
        await RunAsync(job => job.ProcessBatch(10, (_, _) => ran++));
        await RunAsync(job => job.ProcessBatch<Number>(10, (tasks, _) => ran += 1 + tasks.Count));
        await RunAsync(job => job.ProcessBatch(10, Nothing));
        Assert.Equal(3, ran);
        await Assert.ThrowsAsync<FormatException>(() => RunAsync(job => job.ProcessBatch(10, (_, _) => throw new FormatException())));
        await Assert.ThrowsAsync<FormatException>(() => RunAsync(job => job.ProcessBatch<Number>(10, (_, _) => throw new FormatException())));

        // A function for single tasks serves a task of a batch as well.
        static void Nothing(IReadOnlyList<PampaTask> tasks, CancellationToken cancellationToken) => Assert.Empty(tasks);
    }

    [Fact]
    public void The_size_and_the_row_are_known_and_published()
    {
        var (job, _) = Build(j => j.ProcessBatch<Number>(700, (_, _) => { }));
        Assert.Equal((700, typeof(Number), 1_400, TimeSpan.Zero), (job!.Handler.Batch!.Size, job.Handler.Row!.Type, job.MaxQueueSize, job.MaxBatchWait));
        Assert.Contains("\"batchSize\":700", PublishedJob.Write(job), StringComparison.Ordinal);
        Assert.Equal(1_000, Build(j => j.ProcessBatch(10, (_, _) => { })).Job!.MaxQueueSize);
        Assert.Equal(8_000, Build(j => j.ProcessBatch(8_000, (_, _) => { })).Job!.MaxQueueSize);
        Assert.Equal(600, Build(j =>
        {
            j.MaxQueueSize = 600;
            j.ProcessBatch(600, (_, _) => { });
        }).Job!.MaxQueueSize);
    }

    public static TheoryData<string, Action<JobBuilder>> Broken => new()
    {
        { "the size of ProcessBatch must be between 1 and MaxQueueSize, which is 1,000, got 0.", job => job.ProcessBatch(0, (_, _) => { }) },
        { "the size of ProcessBatch must be between 1 and MaxQueueSize, which is 1,000, got -5.", job => job.ProcessBatch(-5, (_, _) => { }) },
        { "the size of ProcessBatch must be between 1 and MaxQueueSize, which is 8,000, got 8,001.", job => job.ProcessBatch(8_001, (_, _) => { }) },
        { "the size of ProcessBatch must be between 1 and MaxQueueSize, which is 8,000, got 2,147,483,647.", job => job.ProcessBatch(int.MaxValue, (_, _) => { }) },
        {
            "the size of ProcessBatch must be between 1 and MaxQueueSize, which is 50, got 51.", job =>
            {
                job.MaxQueueSize = 50;
                job.ProcessBatch(51, (_, _) => { });
            }
        },
        {
            "ProcessBatch needs MaxAttempts of 2 or more, got 1: a process that dies costs every record of its batch an attempt, and all of them would have failed by one. Allow two, or use Process.",
            job =>
            {
                job.MaxAttempts = 1;
                job.ProcessBatch(2, (_, _) => { });
            }
        },
        {
            "MaxBatchWait must be between 00:00:00 and 00:00:30, got 00:00:31.", job =>
            {
                job.MaxBatchWait = TimeSpan.FromSeconds(31);
                job.ProcessBatch(2, (_, _) => { });
            }
        },
        {
            "MaxBatchWait must be between 00:00:00 and 00:00:30, got -00:00:01.", job =>
            {
                job.MaxBatchWait = TimeSpan.FromSeconds(-1);
                job.ProcessBatch(2, (_, _) => { });
            }
        },
        {
            "MaxBatchWait says how long a batch may wait to fill, and there is none: call ProcessBatch, or leave it out.", job =>
            {
                job.MaxBatchWait = TimeSpan.FromSeconds(1);
                job.Process(_ => { });
            }
        },
        {
            "ProcessBatch is called twice; a job has one handler: remove one, or add a second job with its own columns.", job =>
            {
                job.ProcessBatch(2, (_, _) => { });
                job.ProcessBatch(3, (_, _) => { });
            }
        },
        {
            "ProcessInTransaction and ProcessBatch are both called; a job has one handler: remove one, or add a second job with its own columns.", job =>
            {
                job.ProcessInTransaction((_, _, _) => { });
                job.ProcessBatch(2, (_, _) => { });
            }
        },
        {
            "ProcessBatch<Job, Number>() makes its class by dependency injection, which this program has none of. Add the jobs with builder.Services.AddPampa(…), or give ProcessBatch a function.",
            job =>
            {
                job.ProcessBatch<Job, Number>(2);
                job.Process(_ => { });
            }
        },
    };

    private sealed class Job : IBatchJob<Number>
    {
        public ValueTask ProcessAsync(IReadOnlyList<BatchTask<Number>> tasks, CancellationToken cancellationToken) => default;
    }

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_is_reported(string expected, Action<JobBuilder> configure) =>
        Assert.Equal($"Job 'job': {expected}", Assert.Single(Build(configure).Errors));

    [Fact]
    public void A_batch_of_one_may_have_one_attempt() => Assert.Empty(Build(job =>
    {
        job.MaxAttempts = 1;
        job.ProcessBatch(1, (_, _) => { });
    }).Errors);
}
