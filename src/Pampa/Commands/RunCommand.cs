using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Pampa.Jobs;

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

    /// <summary>What each worker may take, as somebody has said.</summary>
    public WorkerLimits Limits { get; init; } = new();

    /// <summary>What was said of a file for the log; null: nothing.</summary>
    public string? Log { get; init; }

    /// <summary>How lines look.</summary>
    public LogFormat Format { get; init; } = LogFormat.Plain;
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
        using var console = ConsoleTurn.Take(verb, options.IsPlain, options.Format, Environment.GetEnvironmentVariable);
        await using var display = console.Display;
        await using var journal = new Journal(display, TimeProvider.System, options.Format);
        using var signals = new Signals(journal.Tell);
        using var notices = ServiceNotices.Take(TimeProvider.System);
        try
        {
            return await verb.With(journal.Output, journal.Errors).RunAsync(options.Database, async (program, choice) =>
            {
                display.Title = choice.Address.Description;
                if (LogFile.PathOf(options.Log, LogName(program)) is { } path) journal.Open(path);
                await journal.Output.WriteLineAsync($"Database: {choice.Address.Description} ({choice.Why})");
                if (options.Delay is { } delay) program.PollInterval = delay;
                return await RunAsync(program, choice, journal, signals, notices);
            }, signals.Stopping, waits: true);
        }
        catch (Exception e)
        {
            // The console is told of it further out, when the file is closed.
            journal.Note(LogLevel.Critical, $"Internal error: {e}");
            throw;
        }
    }

    private string LogName(PampaBuilder program) => options.Role.In(program) switch
    {
        { Dispatches: true, Works: true } => "run.log",
        { Dispatches: true } => "dispatcher.log",
        { Node: { IsWorker: true, Name: var id } } => $"worker.{id}.log",
        { Node.Name: var name } => NodeLogName(name),
    };

    // A name that cannot be one is told of a little later, in this file, too.
    internal static string NodeLogName(string name) => JobValidation.Identifier.IsMatch(name) ? $"node.{name}.log" : "node.log";

    private async Task<int> RunAsync(PampaBuilder program, DatabaseChoice choice, Journal journal, Signals signals, ServiceNotices? notices)
    {
        using var provider = journal.Provider();
        using var logs = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Information).AddProvider(provider));
        var surroundings = new Surroundings(logs, TimeProvider.System, Chance.Shared);
        var role = options.Role with { Workers = options.Workers };
        await using var engine = await Engine.PrepareAsync(program, choice.Address, role, surroundings, signals.Stopping);
        engine.Notices = notices;
        if (options.DrainHorizon is { } horizon)
            await journal.Output.WriteLineAsync($"Draining: the program ends when nothing is due within {horizon:c} (--drain-horizon)");
        using var progress = new Progress(engine, journal.Display, TimeProvider.System);
        progress.Start();
        int code;
        try
        {
            code = await engine.RunAsync(options.DrainHorizon, signals.Stopping);
        }
        finally
        {
            await progress.StopAsync();
            await journal.Display.EndAsync();
        }
        // Whatever a loop stands still at may stop the report, too.
        if (code != ExitCode.InternalError) await ReportAsync(engine, journal);
        return code;
    }

    private static async Task ReportAsync(Engine engine, Journal journal)
    {
        using var deadline = new CancellationTokenSource(ReportTime);
        foreach (var lane in engine.Node.Lanes)
        {
            try
            {
                // Counting the table is for whoever dispatches: many nodes would count it as often.
                if (engine.Role.Dispatches) await journal.Output.WriteLineAsync(StatusPage.Line(await lane.Store.ReportAsync(deadline.Token)));
                if (!engine.Role.Works) continue;
                var c = lane.Counters;
                await journal.Output.WriteLineAsync(FormattableString.Invariant(
                    $"{lane.Job.Name}: this process: {c.Started:N0} started, {c.Completed:N0} completed, {c.Again:N0} to be tried again, {c.Failed:N0} failed, {c.Snoozed:N0} snoozed, {c.Forgiven:N0} given back, {c.Fenced:N0} fenced"));
            }
            catch (Exception e) when (e is System.Data.Common.DbException or OperationCanceledException or TimeoutException)
            {
                await journal.Errors.WriteLineAsync($"{lane.Job.Name}: the database does not give the report: {e.Message}");
            }
        }
    }
}
