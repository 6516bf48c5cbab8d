using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Pampa.Tests.Hosted;

/// <summary>Pampa in applications with the generic host, on SQLite files of their own.</summary>
public sealed class HostedTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-host-").FullName;

    public sealed record Number(long Value, bool? IsOdd);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private string File => Path.Combine(folder, "test.db");

    private static void Numbers(PampaBuilder pampa, Action<JobBuilder> job, int count = 20)
    {
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
            $"INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {count}) SELECT v FROM n WHERE TRUE ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job);
    }

    private IHost Application(Action<IServiceCollection> add, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = File;
        foreach (var (key, value) in settings) builder.Configuration[key] = value;
        add(builder.Services);
        return builder.Build();
    }

    private static async Task<Report> UntilAsync(PampaCluster cluster, Func<Report, bool> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            var report = await cluster.ReportAsync("numbers", exact: true, deadline.Token);
            if (condition(report)) return report;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        }
    }

    private sealed class Shop
    {
        public ConcurrentBag<Guid> Scopes { get; } = [];

        public int Ended;
    }

    private sealed class Visit(Shop shop) : IAsyncDisposable
    {
        public Guid Id { get; } = Guid.NewGuid();

        public ValueTask DisposeAsync()
        {
            Interlocked.Increment(ref shop.Ended);
            return default;
        }
    }

    private sealed class CheckNumber(Shop shop, Visit visit, Visit same) : IJob<Number>, IDisposable
    {
        public ValueTask<Number> ProcessAsync(Number row, PampaTask task, CancellationToken cancellationToken)
        {
            Assert.Same(visit, same);
            Assert.Equal(task.CancellationToken, cancellationToken);
            shop.Scopes.Add(visit.Id);
            return ValueTask.FromResult(row with { IsOdd = row.Value % 2 != 0 });
        }

        public void Dispose() => Interlocked.Increment(ref shop.Ended);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_class_processes_each_task_in_a_scope_of_its_own_whatever_the_order_of_registration(bool isFirst, bool isRegistered)
    {
        void Own(IServiceCollection services)
        {
            services.AddSingleton<Shop>().AddScoped<Visit>();
            if (isRegistered) services.AddScoped<CheckNumber>();
        }
        using var host = Application(services =>
        {
            if (!isFirst) Own(services);
            services.AddPampa(pampa => Numbers(pampa, job => job.Process<CheckNumber, Number>()));
            if (isFirst) Own(services);
        });
        await host.StartAsync(Stopping);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r.Completed == 20);
        await host.StopAsync(Stopping);
        var shop = host.Services.GetRequiredService<Shop>();
        Assert.Equal(20, shop.Scopes.Distinct().Count());
        // 20 tasks and the one that is made to see whether it can be: a visit and a class each.
        Assert.Equal(42, shop.Ended);
    }

    [Fact]
    public async Task A_class_that_cannot_be_made_keeps_the_application_from_starting_and_costs_no_attempt()
    {
        using var host = Application(services => services.AddPampa(pampa => Numbers(pampa, job => job.Process<CheckNumber, Number>())));
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => host.StartAsync(Stopping));
        Assert.StartsWith("Job 'numbers': class 'CheckNumber' cannot be made: ", Assert.Single(error.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain("CREATE TABLE numbers", await System.IO.File.ReadAllTextAsync(File, Stopping), StringComparison.Ordinal);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await Assert.ThrowsAsync<PampaConfigurationException>(() => cluster.ReportAsync("numbers", cancellationToken: Stopping));
    }

    private sealed class EarlyBird(PampaCluster cluster) : IHostedLifecycleService
    {
        public long? Total { get; private set; }

        public async Task StartingAsync(CancellationToken cancellationToken) =>
            Total = (await cluster.ReportAsync("numbers", exact: true, cancellationToken)).Total;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    [Fact]
    public async Task A_service_that_starts_before_may_ask_the_cluster()
    {
        using var host = Application(services => services.AddSingleton<EarlyBird>()
            .AddHostedService(s => s.GetRequiredService<EarlyBird>())
            .AddPampa(pampa => Numbers(pampa, job => job.Process(_ => { }))));
        await host.StartAsync(Stopping).WaitAsync(Patience, Stopping);
        Assert.Equal(20, host.Services.GetRequiredService<EarlyBird>().Total);
        await host.StopAsync(Stopping);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_at_once_when_the_application_starts()
    {
        using var host = Application(
            services => services.AddPampa(pampa => Numbers(pampa, job => job.Process(_ => { }))).AddPampa(_ => throw new InvalidOperationException("no key")),
            ("Pampa:Wokers", "3"), ("Pampa:PollInterval", "30"), ("Pampa:Workers", "many"), ("Pampa:Jobs:number:QueueSize", "1"),
            ("Pampa:Jobs:numbers:MaxAttempts", "0"), ("Pampa:Jobs:numbers:Maxattempt", "7"));
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => host.StartAsync(Stopping));
        Assert.Equal(
        [
            "Job 'numbers': MaxAttempts must be between 1 and 1,000, got 0.",
            "Pampa:Jobs:number: there is no such job (did you mean 'numbers'?); jobs are numbers.",
            "Pampa:Jobs:numbers:Maxattempt: there is no such setting (did you mean 'MaxAttempts'?); settings are MaxAssignedWorkers, MaxPendingTasks, Weight, CaptureLog, WakeOnInsert, WorkerFilter, QueueSize, MaxQueueSize, MaxBatchWait, MaxDuration, MaxWait, FinishBy, MinProgramVersion, MaxAttempts, RelaunchAfter, RelaunchJitter, RelaunchFailed, Backoff.",
            "Pampa:PollInterval must be a duration like 00:00:30 (hours, minutes, seconds), got '30'.",
            "Pampa:Wokers: there is no such setting (did you mean 'Workers'?); settings are Cluster, Database, Workers, NodeName, RunsDispatcher, ShutdownTimeout, PollInterval, WorkerLease, LeaderLease, AuditRetention, Nodes, Jobs.",
            "Pampa:Workers must be a whole number, got 'many'.",
            "The program's own configuration throws InvalidOperationException: no key",
        ], error.Errors.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_configuration_goes_before_the_code()
    {
        using var host = Application(services => services.AddPampa(pampa =>
        {
            pampa.Workers = 7;
            Numbers(pampa, job =>
            {
                job.MaxAttempts = 9;
                job.Process(_ => throw new InvalidOperationException("no"));
                job.Backoff = Backoff.None;
            });
        }), ("pampa:workers", "2"), ("Pampa:Jobs:numbers:MaxAttempts", "1"));
        await host.StartAsync(Stopping);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r.Failed == 20);
        Assert.All((await cluster.TasksAsync("numbers", cancellationToken: Stopping)).Tasks, t => Assert.Equal(1, t.Attempts));
        await host.StopAsync(Stopping);
    }

    [Fact]
    public async Task Records_are_retried_and_relaunched_by_key_or_all()
    {
        var fails = true;
        using var host = Application(services => services.AddPampa(pampa => Numbers(pampa, job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (fails && task.Get<long>("value") % 2 == 0) throw new InvalidOperationException("even");
            });
        })));
        await host.StartAsync(Stopping);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        await UntilAsync(cluster, r => r is { Completed: 10, Failed: 10 });
        fails = false;
        Assert.Equal(2, await cluster.RetryAsync("numbers", ["2", "4", "4", "3", "99"], Stopping));
        await UntilAsync(cluster, r => r is { Completed: 12, Failed: 8 });
        Assert.Equal(8, await cluster.RetryAsync("numbers", cancellationToken: Stopping));
        await UntilAsync(cluster, r => r is { Completed: 20, Failed: 0 });
        Assert.Equal(0, await cluster.RetryAsync("numbers", cancellationToken: Stopping));
        Assert.Equal(1, await cluster.RelaunchAsync("numbers", ["3"], Stopping));
        await UntilAsync(cluster, r => r is { Completed: 20 });
        var query = new TaskQuery { Filter = new TaskFilter { States = [TaskState.Completed] }, After = "2", Limit = 1 };
        var task = Assert.Single((await cluster.TasksAsync("numbers", query, Stopping)).Tasks);
        Assert.Equal(("3", 1), (task.Key, task.Attempts));
        var error = await Assert.ThrowsAsync<ArgumentException>(() => cluster.ReportAsync("number", cancellationToken: Stopping));
        Assert.StartsWith("There is no job 'number' (did you mean 'numbers'?).", error.Message, StringComparison.Ordinal);
        await host.StopAsync(Stopping);
    }

    [Fact]
    public async Task The_steps_of_the_dispatcher_can_be_called_one_by_one()
    {
        using var host = Application(services => services.AddPampa(pampa =>
        {
            pampa.RunsDispatcher = false;
            pampa.Workers = 2;
            pampa.OnDispatcherStart(_ => throw new InvalidOperationException("this process does not dispatch by itself"));
            Numbers(pampa, job => job.Process(_ => { }));
        }));
        await host.StartAsync(Stopping);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        Assert.Equal(20, (await cluster.ReportAsync("numbers", cancellationToken: Stopping)).Pending);
        using var deadline = new CancellationTokenSource(Patience);
        // The workers register when the application has started.
        while (await cluster.StretchAsync(deadline.Token) == 0) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        Assert.Equal(0, await cluster.RelaunchAsync(deadline.Token));
        var reserved = 0;
        while (reserved < 20) reserved += await cluster.DispatchAsync(deadline.Token);
        Assert.Equal(20, reserved);
        await UntilAsync(cluster, r => r.Completed == 20);
        Assert.Equal(0, await cluster.DispatchAsync(deadline.Token));
        await host.StopAsync(Stopping);
    }

    [Fact]
    public async Task Start_up_code_that_takes_its_time_does_not_hold_up_the_stop()
    {
        var began = new TaskCompletionSource();
        using var host = Application(services => services.AddPampa(pampa =>
        {
            Numbers(pampa, job => job.Process(_ => { }));
            pampa.OnDispatcherStart(async stopping =>
            {
                began.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping);
            });
        }));
        await host.StartAsync(Stopping);
        await began.Task.WaitAsync(Patience, Stopping);
        var before = Environment.ExitCode;
        await host.StopAsync(Stopping).WaitAsync(Patience, Stopping);
        Assert.Equal(before, Environment.ExitCode);
    }

    [Fact]
    public async Task A_handler_that_does_not_end_in_the_hosts_time_is_cancelled_and_given_back_without_cost()
    {
        var began = new TaskCompletionSource();
        using var host = Application(services =>
        {
            services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromMilliseconds(50));
            services.AddPampa(pampa => Numbers(pampa, job => job.Process(async task =>
            {
                began.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, task.CancellationToken);
            }), count: 1));
        });
        await host.StartAsync(Stopping);
        await began.Task.WaitAsync(Patience, Stopping);
        await host.StopAsync(Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await using var cluster = await PampaCluster.OpenAsync(pampa =>
        {
            pampa.Database = File;
            Numbers(pampa, job => job.Process(_ => { }), count: 1);
        }, cancellationToken: Stopping);
        var task = Assert.Single((await cluster.TasksAsync("numbers", cancellationToken: Stopping)).Tasks);
        Assert.Equal((TaskState.Pending, 0), (task.State, task.Attempts));
    }

    [Fact]
    public async Task A_class_needs_an_application_with_services()
    {
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenAsync(pampa =>
        {
            pampa.Database = File;
            Numbers(pampa, job => job.Process<CheckNumber, Number>());
        }, cancellationToken: Stopping));
        Assert.StartsWith("Job 'numbers': Process<CheckNumber, Number>() makes its class by dependency injection, which this program has none of.",
            error.Errors[0], StringComparison.Ordinal);
    }
}
