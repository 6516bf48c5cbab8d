using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Pampa.Tests.Hosted;

/// <summary>Classes that process batches, in an application.</summary>
public sealed class BatchJobTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-batch-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private sealed record Number(long Value, bool? IsOdd);

    private sealed class Calls
    {
        public ConcurrentQueue<(Guid Scope, int Size)> All { get; } = new();
    }

    private sealed class Scope
    {
        public Guid Id { get; } = Guid.NewGuid();
    }

    private sealed class CheckNumbers(Calls calls, Scope scope) : IBatchJob<Number>
    {
        public async ValueTask ProcessAsync(IReadOnlyList<BatchTask<Number>> tasks, CancellationToken cancellationToken)
        {
            await Task.Yield();
            calls.All.Enqueue((scope.Id, tasks.Count));
            foreach (var task in tasks)
            {
                if (task.Row.Value == 7) throw new PermanentFailureException("seven");
                task.Row = task.Row with { IsOdd = task.Row.Value % 2 != 0 };
            }
        }
    }

    [Fact]
    public async Task A_class_processes_each_call_in_a_scope_of_its_own()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = Path.Combine(folder, "test.db");
        builder.Configuration["Pampa:Workers"] = "1";
        builder.Configuration["Pampa:Jobs:numbers:MaxBatchWait"] = "00:00:00.050";
        builder.Services.AddSingleton<Calls>().AddScoped<Scope>();
        builder.Services.AddPampa(pampa =>
        {
            pampa.Setup(
                "CREATE TABLE numbers (value bigint PRIMARY KEY, is_odd boolean)",
                "INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 20) SELECT v FROM n");
            pampa.AddJob("numbers", "numbers", "value", job => job.ProcessBatch<CheckNumbers, Number>(20));
        });
        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        using var deadline = new CancellationTokenSource(Patience);
        while (await cluster.ReportAsync("numbers", exact: true, deadline.Token) is not { Completed: 19, Failed: 1 })
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        await host.StopAsync(TestContext.Current.CancellationToken);

        var calls = host.Services.GetRequiredService<Calls>().All.ToList();
        Assert.Equal([20, 10, 5, 5, 3, 2, 1, 1, 1, 2, 10], calls.Select(c => c.Size));
        Assert.Equal(calls.Count, calls.Select(c => c.Scope).Distinct().Count());
    }
}
