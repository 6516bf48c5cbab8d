using Microsoft.Extensions.Logging;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>What <c>run</c> was asked.</summary>
internal sealed record RunOptions(string? Database, bool Drain, TimeSpan DrainHorizon, int? Workers, TimeSpan? Delay);

/// <summary>
/// The verb <c>run</c>: dispatcher and node in this process, with a line of progress a second and the report at the
/// end.
/// </summary>
internal sealed class RunCommand(Action<PampaBuilder> configure, RunOptions options, TextWriter output, TextWriter errors)
{
    private static readonly TimeSpan ReportTime = TimeSpan.FromMinutes(1);

    public async Task<int> RunAsync(Signals signals)
    {
        try
        {
            var program = new PampaBuilder();
            Configure(program);
            var choice = DatabaseChoice.Choose(options.Database, program.Database, Environment.GetEnvironmentVariable);
            await output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
            if (options.Workers is { } workers) program.Workers = workers;
            if (options.Delay is { } delay) program.PollInterval = delay;
            return await RunAsync(program, choice, signals);
        }
        catch (PampaConfigurationException e)
        {
            foreach (var error in e.Errors) await errors.WriteLineAsync(error);
            return ExitCode.Configuration;
        }
        catch (Exception e) when (e is System.Data.Common.DbException or TimeoutException or IOException)
        {
            await errors.WriteLineAsync($"The database went away before work began: {e.Message.ReplaceLineEndings(" ")}");
            return ExitCode.Configuration;
        }
        catch (OperationCanceledException) when (signals.Stopping.IsCancellationRequested)
        {
            return ExitCode.Done;
        }
    }

    private void Configure(PampaBuilder program)
    {
        try
        {
            configure(program);
        }
        catch (Exception e) when (e is not PampaConfigurationException)
        {
            throw new PampaConfigurationException([$"The program's own configuration throws {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}"]);
        }
    }

    private async Task<int> RunAsync(PampaBuilder program, DatabaseChoice choice, Signals signals)
    {
        using var logs = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(LogLevel.Information)
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            })
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        await using var engine = await Engine.PrepareAsync(program, choice.Address, "local", logs, TimeProvider.System, Chance.Shared, signals.Stopping);
        if (options.Drain)
            await output.WriteLineAsync($"Draining: the program ends when nothing is due within {options.DrainHorizon:c} (--drain-horizon)");
        using var progress = new Progress(engine, output, TimeProvider.System);
        progress.Start();
        var code = await engine.RunAsync(options.Drain ? options.DrainHorizon : null, signals.Stopping);
        await progress.StopAsync();
        await ReportAsync(engine);
        return code;
    }

    private async Task ReportAsync(Engine engine)
    {
        using var deadline = new CancellationTokenSource(ReportTime);
        foreach (var lane in engine.Node.Lanes)
        {
            try
            {
                var r = await lane.Store.ReportAsync(deadline.Token);
                await output.WriteLineAsync(FormattableString.Invariant(
                    $"{r.Job}: {r.Total:N0} tasks: {r.Completed:N0} completed, {r.Failed:N0} failed, {r.Pending:N0} pending, {r.Scheduled:N0} scheduled, {r.Reserved:N0} reserved, {r.Running:N0} running"));
                var c = lane.Counters;
                await output.WriteLineAsync(FormattableString.Invariant(
                    $"{r.Job}: this process: {c.Started:N0} started, {c.Completed:N0} completed, {c.Again:N0} to be tried again, {c.Failed:N0} failed, {c.Snoozed:N0} snoozed, {c.Forgiven:N0} given back, {c.Fenced:N0} fenced"));
            }
            catch (Exception e) when (e is System.Data.Common.DbException or OperationCanceledException or TimeoutException)
            {
                await errors.WriteLineAsync($"{lane.Job.Name}: the database does not give the report: {e.Message}");
            }
        }
    }
}
