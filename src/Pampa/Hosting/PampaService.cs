using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Pampa.Hosting;

/// <summary>
/// A process of the cluster as a part of an application: prepared before the application's services start, at work from
/// when all of them have started, stopped before any of them stops. So it does not matter in which order they are added.
/// </summary>
internal sealed class PampaService : IHostedLifecycleService, IAsyncDisposable
{
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource hurry = new();
    private readonly CancellationTokenSource preparing = new();
    private readonly HostedProgram hosted;
    private readonly IHostApplicationLifetime lifetime;
    private readonly ILoggerFactory logs;
    private readonly TimeProvider? time;
    private readonly ILogger log;
    private readonly Lazy<Task> prepared;
    private Engine? engine;
    private Task running = Task.CompletedTask;

    public PampaService(HostedProgram hosted, IHostApplicationLifetime lifetime, ILoggerFactory logs, TimeProvider? time = null)
    {
        this.hosted = hosted;
        this.lifetime = lifetime;
        this.logs = SafeLogs.Of(logs);
        this.time = time;
        log = this.logs.CreateLogger("Pampa");
        prepared = new Lazy<Task>(() => Task.Run(PrepareAsync));
        hosted.Access.Asked = () => _ = prepared.Value;
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.Register(preparing.Cancel);
        await prepared.Value;
    }

    private async Task PrepareAsync()
    {
        try
        {
            if (hosted.Errors.Count > 0) throw new PampaConfigurationException([.. hosted.Errors, .. BuildErrors()]);
            var choice = await DatabaseChoice.Choose(null, hosted.Program.Database, hosted.Setting)
                .RecogniseAsync(preparing.Token, line => Log.Waits(log, line));
            Log.Database(log, choice.Address.Description, choice.Why);
            var surroundings = new Surroundings(logs, time ?? TimeProvider.System, Chance.Shared);
            engine = await Engine.PrepareAsync(hosted.Program, choice.Address, ProcessRole.All, surroundings, preparing.Token);
            hosted.Access.Set(engine.Parts);
            hosted.Health.Begin(engine);
        }
        catch (Exception e)
        {
            hosted.Access.Fail(e);
            throw;
        }
    }

    private List<string> BuildErrors()
    {
        var errors = new List<string>();
        hosted.Program.Build(errors);
        return errors;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        running = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task RunAsync()
    {
        var code = ExitCode.InternalError;
        try
        {
            code = await engine!.RunAsync(null, stopping.Token, hurry.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            code = ExitCode.Done;
        }
        catch (Exception e)
        {
            Log.Fault(log, e);
        }
        hosted.Health.End();
        if (code != ExitCode.Done) Environment.ExitCode = code;
        // Ended by itself: an application that goes on without its work would look well and do nothing.
        if (!stopping.IsCancellationRequested) lifetime.StopApplication();
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // When the host's patience is over, handlers are cancelled at once; a host waits for that.
        await using var registration = cancellationToken.Register(() => hurry.Cancel());
        await stopping.CancelAsync();
        await running;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        // A host that is thrown away without being stopped.
        await stopping.CancelAsync();
        await hurry.CancelAsync();
        await preparing.CancelAsync();
        if (prepared.IsValueCreated) await prepared.Value.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (engine is not null) await engine.DisposeAsync();
        stopping.Dispose();
        hurry.Dispose();
        preparing.Dispose();
    }
}
