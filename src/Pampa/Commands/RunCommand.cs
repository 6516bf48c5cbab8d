using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>What <c>run</c> was asked.</summary>
internal sealed record RunOptions(string? Database, bool Drain, TimeSpan DrainHorizon, int? Workers, TimeSpan? Delay, bool IsLive);

/// <summary>
/// The verb <c>run</c>: dispatcher and node in this process, with a line of progress a second and the report at the
/// end.
/// </summary>
internal sealed class RunCommand(Verb verb, RunOptions options)
{
    private static readonly TimeSpan ReportTime = TimeSpan.FromMinutes(1);

    public Task<int> RunAsync(Signals signals) => verb.RunAsync(options.Database, async (program, choice) =>
    {
        await verb.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
        if (options.Workers is { } workers) program.Workers = workers;
        if (options.Delay is { } delay) program.PollInterval = delay;
        return await RunAsync(program, choice, signals);
    }, signals.Stopping);

    private async Task<int> RunAsync(PampaBuilder program, DatabaseChoice choice, Signals signals)
    {
        var view = options.IsLive ? new LiveView(AnsiConsole.Console) : null;
        using var logs = LoggerFactory.Create(logging => Log(logging.SetMinimumLevel(LogLevel.Information)));
        var surroundings = new Surroundings(logs, TimeProvider.System, Chance.Shared);
        await using var engine = await Engine.PrepareAsync(program, choice.Address, "local", surroundings, signals.Stopping);
        if (options.Drain)
            await verb.Output.WriteLineAsync($"Draining: the program ends when nothing is due within {options.DrainHorizon:c} (--drain-horizon)");
        using var progress = new Progress(engine, view ?? (IProgressView)new PlainView(verb.Output), TimeProvider.System);
        var code = view is null ? await WorkAsync() : await view.RunAsync(WorkAsync);
        await ReportAsync(engine);
        return code;

        async Task<int> WorkAsync()
        {
            progress.Start();
            var code = await engine.RunAsync(options.Drain ? options.DrainHorizon : null, signals.Stopping);
            await progress.StopAsync();
            return code;
        }
    }

    private ILoggingBuilder Log(ILoggingBuilder logging) => options.IsLive
        ? logging.AddProvider(new TerminalLogs(AnsiConsole.Console, TimeProvider.System))
        : logging
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            })
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

    private async Task ReportAsync(Engine engine)
    {
        using var deadline = new CancellationTokenSource(ReportTime);
        foreach (var lane in engine.Node.Lanes)
        {
            try
            {
                var r = await lane.Store.ReportAsync(deadline.Token);
                await verb.Output.WriteLineAsync(StatusCommand.Line(r));
                var c = lane.Counters;
                await verb.Output.WriteLineAsync(FormattableString.Invariant(
                    $"{r.Job}: this process: {c.Started:N0} started, {c.Completed:N0} completed, {c.Again:N0} to be tried again, {c.Failed:N0} failed, {c.Snoozed:N0} snoozed, {c.Forgiven:N0} given back, {c.Fenced:N0} fenced"));
            }
            catch (Exception e) when (e is System.Data.Common.DbException or OperationCanceledException or TimeoutException)
            {
                await verb.Errors.WriteLineAsync($"{lane.Job.Name}: the database does not give the report: {e.Message}");
            }
        }
    }
}
