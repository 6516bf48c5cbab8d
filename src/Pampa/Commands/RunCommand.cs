using Microsoft.Extensions.Logging;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>What a verb that works was asked.</summary>
internal sealed record RunOptions(ProcessRole Role, string? Database, bool IsPlain)
{
    /// <summary>Ends the run when nothing is due within so much time; null: it runs until it is told to stop.</summary>
    public TimeSpan? DrainHorizon { get; init; }

    public int? Workers { get; init; }

    public TimeSpan? Delay { get; init; }

    /// <summary>Whether each worker is a process of its own.</summary>
    public bool IsIsolated { get; init; }
}

/// <summary>
/// The verbs that work: dispatcher, node or both in this process, with their progress while they do and the report at
/// the end.
/// </summary>
internal sealed class RunCommand(Verb verb, RunOptions options)
{
    private static readonly TimeSpan ReportTime = TimeSpan.FromMinutes(1);

    public async Task<int> RunAsync()
    {
        using var console = ConsoleTurn.Take(verb, options.IsPlain, Environment.GetEnvironmentVariable);
        await using var display = console.Display;
        using var signals = new Signals(display.Tell);
        return await verb.With(display.Output, display.Errors).RunAsync(options.Database, async (program, choice) =>
        {
            display.Title = choice.Address.Description;
            await display.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
            if (options.Workers is { } workers) program.Workers = workers;
            if (options.Delay is { } delay) program.PollInterval = delay;
            return await RunAsync(program, choice, display, signals);
        }, signals.Stopping);
    }

    private async Task<int> RunAsync(PampaBuilder program, DatabaseChoice choice, Display display, Signals signals)
    {
        using var provider = new DisplayLog(display, TimeProvider.System);
        using var logs = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Information).AddProvider(provider));
        var surroundings = new Surroundings(logs, TimeProvider.System, Chance.Shared);
        await using var engine = await Engine.PrepareAsync(program, choice.Address, options.Role, surroundings, signals.Stopping);
        if (options.DrainHorizon is { } horizon)
            await display.Output.WriteLineAsync($"Draining: the program ends when nothing is due within {horizon:c} (--drain-horizon)");
        using var progress = new Progress(engine, display, TimeProvider.System);
        progress.Start();
        int code;
        try
        {
            code = await engine.RunAsync(options.DrainHorizon, signals.Stopping);
        }
        finally
        {
            await progress.StopAsync();
            await display.EndAsync();
        }
        await ReportAsync(engine, display);
        return code;
    }

    private static async Task ReportAsync(Engine engine, Display display)
    {
        using var deadline = new CancellationTokenSource(ReportTime);
        foreach (var lane in engine.Node.Lanes)
        {
            try
            {
                // Counting the table is for whoever dispatches: many nodes would count it as often.
                if (engine.Role.Dispatches) await display.Output.WriteLineAsync(StatusCommand.Line(await lane.Store.ReportAsync(deadline.Token)));
                if (!engine.Role.Works) continue;
                var c = lane.Counters;
                await display.Output.WriteLineAsync(FormattableString.Invariant(
                    $"{lane.Job.Name}: this process: {c.Started:N0} started, {c.Completed:N0} completed, {c.Again:N0} to be tried again, {c.Failed:N0} failed, {c.Snoozed:N0} snoozed, {c.Forgiven:N0} given back, {c.Fenced:N0} fenced"));
            }
            catch (Exception e) when (e is System.Data.Common.DbException or OperationCanceledException or TimeoutException)
            {
                await display.Errors.WriteLineAsync($"{lane.Job.Name}: the database does not give the report: {e.Message}");
            }
        }
    }
}
