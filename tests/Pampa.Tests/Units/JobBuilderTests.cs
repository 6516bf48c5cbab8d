using System.ComponentModel.DataAnnotations.Schema;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>Every way in which a program may write a handler binds to the overload that does what it looks like.</summary>
public sealed class JobBuilderTests
{
    private sealed record Number(long Value, bool? IsOdd);

    private sealed class Mutable
    {
        public long Value { get; set; }
    }

    private static JobDefinition Build(Action<JobBuilder> configure)
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", configure);
        var errors = new List<string>();
        var job = Assert.Single(builder.Build(errors));
        Assert.Empty(errors);
        return job;
    }

    /// <summary>Whether the task's end is awaited: the source is completed only after the handler was called.</summary>
    private static async Task IsAwaitedAsync(Action<JobBuilder, TaskCompletionSource> configure)
    {
        var source = new TaskCompletionSource();
        var job = Build(builder => configure(builder, source));
        var running = job.Handler.RunAsync(null!).AsTask();
        Assert.False(running.IsCompleted);
        source.SetException(new FormatException("from the handler"));
        await Assert.ThrowsAsync<FormatException>(() => running);
    }

    [Fact]
    public async Task A_lambda_without_a_result_runs()
    {
        var ran = 0;
        await Build(job => job.Process(_ => { ran++; })).Handler.RunAsync(null!);
        Assert.Equal(1, ran);
    }

    [Fact]
    public async Task A_lambda_that_assigns_runs()
    {
        object? set = null;
        await Build(job => job.Process(_ => set = 5)).Handler.RunAsync(null!);
        Assert.Equal(5, set);
    }

    [Fact]
    public async Task An_async_lambda_is_awaited() =>
        await IsAwaitedAsync((job, source) => job.Process(async _ => await source.Task));

    [Fact]
    public async Task A_lambda_that_returns_a_task_is_awaited() =>
        await IsAwaitedAsync((job, source) => job.Process(_ => source.Task));

    private static ValueTask After(TaskCompletionSource source) => new(source.Task);

    [Fact]
    public async Task A_lambda_that_returns_a_ValueTask_is_awaited() =>
        await IsAwaitedAsync((job, source) => job.Process(_ => After(source)));

    [Fact]
    public async Task A_lambda_that_throws_fails_the_task() =>
        await Assert.ThrowsAsync<FormatException>(async () =>
            await Build(job => job.Process(_ => throw new FormatException())).Handler.RunAsync(null!));

    [Fact]
    public async Task A_method_group_binds()
    {
        await Build(job => job.Process(Nothing)).Handler.RunAsync(null!);
        static void Nothing(PampaTask task)
        {
        }
    }

    [Fact]
    public void Typed_handlers_of_every_shape_know_their_row()
    {
        Action<JobBuilder>[] shapes =
        [
            job => job.Process<Number>((n, _) => n with { IsOdd = true }),
            job => job.Process<Number>(async (n, _) =>
            {
                await Task.Yield();
                return n with { IsOdd = true };
            }),
            job => job.Process<Number>((n, _) => Task.FromResult(n)),
            job => job.Process<Number>((n, _) => new ValueTask<Number>(n)),
            job => job.Process<Number>((_, _) => { }),
            job => job.Process<Number>((_, _) => Task.CompletedTask),
            job => job.Process<Number>(async (_, _) => await Task.Yield()),
            job => job.Process<Number>((_, _) => ValueTask.CompletedTask),
            job => job.Process<Number>((_, _) => throw new FormatException()),
        ];
        Assert.All(shapes, shape => Assert.Equal(typeof(Number), Build(shape).Handler.Row!.Type));
        Assert.Equal(typeof(Mutable), Build(job => job.Process<Mutable>((row, _) => row.Value++)).Handler.Row!.Type);
    }

    [Fact]
    public void Named_arguments_and_one_or_several_keys_bind()
    {
        var builder = new PampaBuilder();
        builder.AddJob("one", table: "numbers", key: "value", job => job.Process(_ => { }));
        builder.AddJob("two", table: "numbers", key: ["a", "b"], job: job => job.Process(_ => { }));
        var errors = new List<string>();
        var jobs = builder.Build(errors);
        Assert.Empty(errors);
        Assert.Equal(["value"], jobs[0].Key);
        Assert.Equal(["a", "b"], jobs[1].Key);
    }

    [Fact]
    public void The_defaults_are_as_documented()
    {
        var job = Build(j => j.Process(_ => { }));
        Assert.Equal((500, 5, 1_000, 3), (job.MaxPendingTasks, job.QueueSize, job.MaxQueueSize, job.MaxAttempts));
        Assert.Equal(TimeSpan.FromMinutes(15), job.MaxDuration);
        Assert.Null(job.MaxAssignedWorkers);
        Assert.Same(Backoff.Default, job.Backoff);
        Assert.Equal("job_reservation_id", job.Columns.ReservationId);
        Assert.Equal(5_000, Build(j =>
        {
            j.QueueSize = 1_000;
            j.MaxQueueSize = 5_000;
            j.Process(_ => { });
        }).MaxQueueSize);
    }

    [Fact]
    public void A_condition_may_take_its_values_anew_each_time()
    {
        var minimum = 1;
        var job = Build(j =>
        {
            j.WhereEachCycle(() => $"score > {minimum}");
            j.Process(_ => { });
        });
        minimum = 2;
        var parameters = new List<(string, object? Value)>();
        job.Where!().Render("w", parameters);
        Assert.Equal(2, Assert.Single(parameters).Value);
    }

    [Fact]
    public void A_job_is_published_with_what_makes_it_run_again()
    {
        Assert.DoesNotContain("relaunch", PublishedJob.Write(Build(j => j.Process(_ => { }))), StringComparison.Ordinal);
        var published = PublishedJob.Write(Build(j =>
        {
            j.RelaunchAfter = TimeSpan.FromMinutes(5);
            j.RelaunchWhere = $"score > {3}";
            j.Process(_ => { });
        }));
        Assert.EndsWith(
            "\"relaunchAfterSeconds\":300,\"relaunchJitter\":0.1,\"relaunchWhere\":\"score \\u003E @p0\",\"relaunchFailed\":false,\"relaunchesByCode\":false}",
            published, StringComparison.Ordinal);
    }

    [Fact]
    public void A_job_is_published_with_the_columns_of_its_order() => Assert.EndsWith(
        "\"priorityColumn\":\"urgency\",\"dueColumn\":\"send_at\",\"sequence\":[\"region\",\"customer\"],\"goesOnAfterFailure\":true}", PublishedJob.Write(Build(j =>
        {
            j.PriorityColumn = "urgency";
            j.DueColumn = "send_at";
            j.InSequenceBy(["region", "customer"], goesOnAfterFailure: true);
            j.Process(_ => { });
        })), StringComparison.Ordinal);

    [Fact]
    public void A_job_is_published_with_its_selection()
    {
        Assert.DoesNotContain("select", PublishedJob.Write(Build(j => j.Process(_ => { }))), StringComparison.Ordinal);
        Assert.EndsWith("\"select\":\"SELECT id FROM t WHERE a \\u003E @p0 LIMIT @n\",\"selectsByCode\":false}", PublishedJob.Write(Build(j =>
        {
            j.Select($"SELECT id FROM t WHERE a > {5} LIMIT @n");
            j.Process(_ => { });
        })), StringComparison.Ordinal);
        Assert.EndsWith("\"selectsByCode\":true}", PublishedJob.Write(Build(j =>
        {
            j.Select(_ => ["1"]);
            j.Process(_ => { });
        })), StringComparison.Ordinal);
    }

    private sealed class Wide
    {
        public int Id { get; init; }

        [Column("is_odd")]
        public bool Odd { get; set; }

        [NotMapped]
        public string Mine { get; set; } = "mine";

        public int Computed => Id * 2;

        public int[] Parts { get; set; } = [];
    }

    [Fact]
    public void A_row_type_maps_what_can_be_set_and_sees_what_has_changed()
    {
        var errors = new List<string>();
        var type = RowType.Of<Wide>(errors)!;
        Assert.Empty(errors);
        Assert.Equal(["Id", "Odd", "Parts"], type.Properties.Select(p => p.Name));
        Assert.Equal([null, "is_odd", null], type.Properties.Select(p => p.Column));
        var row = (Wide)type.Create([3, true, new[] { 1, 2 }]);
        Assert.Equal((3, true, "mine"), (row.Id, row.Odd, row.Mine));
        var before = type.Snapshot(row);
        row.Parts[1] = 9;
        Assert.Equal([false, false, true], type.Snapshot(row).Select((after, i) => RowType.Differ(before[i], after)));
    }

    private sealed class Odd(int number)
    {
        public int Twice => number * 2;
    }

    [Fact]
    public void A_row_type_that_does_not_fit_is_an_error()
    {
        var errors = new List<string>();
        RowType.Of<Odd>(errors);
        Assert.Contains("constructor parameter 'number' has no property of that name", Assert.Single(errors), StringComparison.Ordinal);
        errors.Clear();
        Assert.Null(RowType.Of<IDisposable>(errors));
        Assert.Contains("must have a public constructor", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_published_are_the_limits_that_the_program_says_whatever_it_obeys()
    {
        var job = Build(j =>
        {
            j.Process(_ => { });
            j.MaxAttempts = 7;
            j.MaxDuration = TimeSpan.FromTicks(11_000_003);
        });
        job.Obey(new JobLimits(2, TimeSpan.FromHours(1)));
        Assert.Equal((2, TimeSpan.FromHours(1)), (job.MaxAttempts, job.MaxDuration));
        Assert.Equal(job.Declared, PublishedJob.ReadLimits(PublishedJob.Write(job)));
        Assert.Equal(new JobLimits(7, TimeSpan.FromTicks(11_000_003)), job.Declared);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no JSON")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"maxAttempts":3}""")]
    [InlineData("""{"maxAttempts":"3","maxDurationSeconds":900}""")]
    [InlineData("""{"maxAttempts":2.5,"maxDurationSeconds":900}""")]
    [InlineData("""{"maxAttempts":0,"maxDurationSeconds":900}""")]
    [InlineData("""{"maxAttempts":1001,"maxDurationSeconds":900}""")]
    [InlineData("""{"maxAttempts":1e999,"maxDurationSeconds":900}""")]
    [InlineData("""{"maxAttempts":3,"maxDurationSeconds":null}""")]
    [InlineData("""{"maxAttempts":3,"maxDurationSeconds":0.9}""")]
    [InlineData("""{"maxAttempts":3,"maxDurationSeconds":3888001}""")]
    [InlineData("""{"maxAttempts":3,"maxDurationSeconds":1e999}""")]
    public void Limits_that_no_job_may_have_are_not_read(string definition) => Assert.Null(PublishedJob.ReadLimits(definition));
}
