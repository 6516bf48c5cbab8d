using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>Every way in which a program may write a hook binds to the overload that does what it looks like.</summary>
public sealed class JobHookTests
{
    private static Hooks Build(Action<JobBuilder> configure)
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", job =>
        {
            job.Process(_ => { });
            configure(job);
        });
        var errors = new List<string>();
        var built = Assert.Single(builder.Build(errors));
        Assert.Empty(errors);
        return built.Hooks;
    }

    private static string Bound(Action<JobBuilder> configure)
    {
        var hooks = Build(configure);
        return string.Join(' ', Enum.GetValues<HookKind>().SelectMany(kind =>
            Enumerable.Repeat($"{kind} statement", hooks.Statements(kind).Count).Concat(Enumerable.Repeat($"{kind} code", hooks.Code(kind).Count))));
    }

    [Fact]
    public void A_statement_is_one_and_all_else_is_code()
    {
        Assert.Equal("Starting statement", Bound(job => job.OnStarting(t => $"SELECT {t.Key}")));
        Assert.Equal("Finished statement", Bound(job => job.OnFinished(t =>
        {
            if (t.Outcome == TaskOutcome.Completed) return null;
            return $"SELECT {t.Key}";
        })));
        Assert.Equal("Relaunched statement", Bound(job => job.OnRelaunched(_ => (Sql?)null)));
        var keys = new List<string>();
        Assert.Equal("Starting code", Bound(job => job.OnStarting(t => keys.Add(t.Key))));
        Assert.Equal("Finished code", Bound(job => job.OnFinished(async t => await Task.FromResult(t.Key))));
        Assert.Equal("Relaunched code", Bound(job => job.OnRelaunched(t => Task.FromResult(t.Key))));
        Assert.Equal("Starting statement Starting code Finished code Relaunched statement", Bound(job =>
        {
            job.OnRelaunched(t => $"SELECT {t.Key}");
            job.OnFinished(t => keys.Remove(t.Key));
            job.OnStarting(t => { keys.Add(t.Key); });
            job.OnStarting(t => $"SELECT {t.Key}");
        }));
    }

    [Fact]
    public async Task Code_that_returns_a_value_task_is_awaited()
    {
        foreach (var kind in Enum.GetValues<HookKind>())
        {
            var source = new TaskCompletionSource();
            ValueTask WaitAsync(TaskEvent about) => new(source.Task);
            var hooks = Build(job =>
            {
                if (kind == HookKind.Starting) job.OnStarting(t => WaitAsync(t));
                else if (kind == HookKind.Finished) job.OnFinished(t => WaitAsync(t));
                else job.OnRelaunched(t => WaitAsync(t));
            });
            var running = Assert.Single(hooks.Code(kind))(null!);
            Assert.False(running.IsCompleted);
            source.SetException(new FormatException("from the hook"));
            await Assert.ThrowsAsync<FormatException>(() => running);
        }
    }

    [Fact]
    public void Nothing_is_no_hook_and_no_rule()
    {
        foreach (var say in (Action<JobBuilder>[])
            [
                job => job.OnStarting((Func<TaskEvent, Sql?>)null!), job => job.OnFinished((Func<TaskEvent, Task>)null!),
                job => job.OnFinished((Func<TaskEvent, ValueTask>)null!), job => job.OnRelaunched((Action<TaskEvent>)null!),
                job => job.Allow((Func<AllowContext, bool>)null!), job => job.AllowWhereEachCycle(null!), job => job.WorkerOrderBy<int>(null!),
                job => job.Report(null!),
            ])
            Assert.Throws<ArgumentNullException>(() => Build(say));
    }
}
