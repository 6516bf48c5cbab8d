using Pampa.Commands.Confining;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>
/// A node whose workers are processes of their own: what one task does to its process (a leak, a crash of native code, a
/// call of <c>Environment.Exit</c>) no other feels. This process only starts them, starts those again that end by
/// themselves, and passes on what they print.
/// </summary>
/// <param name="display">Where to print; never waited for, for workers must be started again whatever their readers do.</param>
/// <param name="name">The node's name: workers are <c>name.1</c>, <c>name.2</c>, ….</param>
/// <param name="workers">How many.</param>
/// <param name="arguments">What each is given besides its id.</param>
/// <param name="logPath">The file for what it does itself; workers have logs of their own. Null: none.</param>
/// <param name="confine">Finds out how workers can be limited.</param>
/// <param name="time">Time.</param>
internal sealed class IsolatedNode(
    Display display, string name, int workers, IReadOnlyList<string> arguments, string? logPath, Func<Confinement> confine, TimeProvider time)
{
    private static readonly string[] Registered = ["Pampa[101]", "\"category\":\"Pampa\",\"event\":101,"];
    private readonly Lock gate = new();
    private readonly HashSet<WorkerProcess> living = [];
    private readonly HashSet<string> begun = [];
    private LogFile? log;
    private ServiceNotices? notices;
    private bool isStopping;
    private int? endedBy;

    /// <summary>How lines look.</summary>
    public LogFormat Format { get; init; } = LogFormat.Plain;

    /// <summary>Runs until told to stop, or until a worker shows that none can work. Returns the exit code.</summary>
    /// <param name="database">The line that tells the database.</param>
    /// <exception cref="PampaConfigurationException">The log file cannot be written.</exception>
    public async Task<int> RunAsync(string database)
    {
        await using var file = logPath is null ? null : LogFile.Open(logPath, Tell, time, Format);
        log = file;
        using var stop = new CancellationTokenSource();
        using var signals = new Signals(Tell, atOnce: KillAll);
        using var service = notices = ServiceNotices.Take(time);
        await using var pulse = service?.AliveEvery is { } every ? time.CreateTimer(_ => service.Alive(), null, TimeSpan.Zero, every) : null;
        await using var registration = signals.Stopping.Register(stop.Cancel);
        await using var passing = stop.Token.Register(StopAll);
        Tell(database);
        Tell($"Node '{name}' runs {workers} workers as processes of their own, supervised by process {Environment.ProcessId}");
        var confinement = confine();
        foreach (var limit in confinement.Words) Tell($"Each worker: {limit}");
        var lives = Enumerable.Range(1, workers).Select(n => SuperviseAsync($"{name}.{n}", confinement, stop)).ToList();
        var codes = await Task.WhenAll(lives);
        confinement.CleanUp();
        return endedBy ?? codes.Max();
    }

    /// <summary>One worker, life after life. Returns the code of the last one.</summary>
    private async Task<int> SuperviseAsync(string id, Confinement confinement, CancellationTokenSource stop)
    {
        var policy = new RestartPolicy();
        // What a life has died of the first one after it tells that comes so far as to take back what it held.
        string? death = null;
        while (true)
        {
            var began = time.GetTimestamp();
            var end = await TryLiveAsync(id, confinement, death);
            if (stop.IsCancellationRequested) return end.Code == ExitCode.OverMemory ? ExitCode.Done : end.Code;
            if (end.HasBegun || death is null) death = end.Death;
            // Each has cost a task an attempt, of which it has not many.
            if (end is { HasBegun: true, Death: not null }) policy.Forgive();
            if (policy.After(end.Code, time.GetElapsedTime(began), HasBegun(id, end.Code)) is not { } pause)
            {
                Tell($"Worker '{id}' ended with {end.Code}, so the node ends");
                endedBy ??= end.Code;
                await stop.CancelAsync();
                return end.Code;
            }
            Tell(end.Death is { } over
                ? FormattableString.Invariant($"Worker '{id}' ended with {end.Code}: {over}; the task that it ran has used an attempt, and it is started again in {pause.TotalSeconds:0} s")
                : FormattableString.Invariant($"Worker '{id}' ended by itself with {end.Code}; it is started again in {pause.TotalSeconds:0} s"));
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // What it died of was told when it did; the stop is in order.
            if (stop.IsCancellationRequested) return ExitCode.Done;
        }
    }

    /// <summary>How a life ended.</summary>
    /// <param name="Code">Its exit code.</param>
    /// <param name="HasBegun">Whether it had come so far as to register.</param>
    /// <param name="Death">That it was over its memory limit; null: it was not, as far as can be told.</param>
    private readonly record struct LifeEnd(int Code, bool HasBegun, string? Death);

    private async Task<LifeEnd> TryLiveAsync(string id, Confinement confinement, string? formerDeath)
    {
        try
        {
            return await LiveAsync(id, confinement, formerDeath);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // No memory, too many processes, the program's file is being replaced, a control group is gone: a death like another. Whatever it
            // is, the worker is not given up without a word.
            Tell($"Worker '{id}' could not be started: {e.Message}");
            return new LifeEnd(ExitCode.InternalError, false, null);
        }
    }

    private async Task<LifeEnd> LiveAsync(string id, Confinement confinement, string? formerDeath)
    {
        var hasBegun = false;
        var life = confinement.Begin(id, formerDeath);
        WorkerProcess? process = null;
        try
        {
            lock (gate)
            {
                if (isStopping) return new LifeEnd(ExitCode.Done, false, null);
                process = WorkerProcess.Start(["worker", "--id", id, .. arguments], life, Hear);
                living.Add(process);
            }
            try
            {
                var code = await process.EndAsync();
                return new LifeEnd(code, hasBegun, life.IsOverMemory(code) ? confinement.OverMemory(id) : null);
            }
            finally
            {
                lock (gate) living.Remove(process);
                process.Dispose();
            }
        }
        finally
        {
            life.End();
        }

        void Hear(string line)
        {
            life.Hear(line);
            if (!hasBegun && IsOfRegistration(line))
            {
                hasBegun = true;
                if (process is { } begun) life.Begun(begun.Id);
            }
            Pass(id, line);
        }
    }

    private void Pass(string id, string line)
    {
        // It has registered: from now on a death of it is no reason for all to end.
        if (IsOfRegistration(line))
        {
            var isComplete = false;
            lock (gate) isComplete = begun.Add(id) && begun.Count == workers;
            if (isComplete) notices?.Ready($"node {name}, {workers} workers");
        }
        // Of one that has not come so far its own file may know nothing.
        else if (!HasBegun(id)) log?.Write(Format.IsJson ? JsonLine.Of(id, line, time.GetLocalNow()) : LogLine.Dated(time.GetLocalNow(), $"{id} | {line}"));
        display.Tell(Format.IsJson ? JsonLine.Of(id, line, time.GetLocalNow()) : $"{id} | {line}");
    }

    private static bool IsOfRegistration(string line) => Registered.Any(sign => line.Contains(sign, StringComparison.Ordinal));

    private bool HasBegun(string id)
    {
        lock (gate) return begun.Contains(id);
    }

    // A name is one worker's own. The configuration is everybody's: where one has begun with it, it was an outage.
    private bool HasBegun(string id, int code)
    {
        lock (gate) return code == ExitCode.WorkerIdTaken ? begun.Contains(id) : begun.Count > 0;
    }

    private void StopAll()
    {
        notices?.Stopping();
        ToAll(process => process.Stop());
    }

    private void KillAll() => ToAll(process => process.Kill());

    private void ToAll(Action<WorkerProcess> act)
    {
        lock (gate)
        {
            isStopping = true;
            foreach (var process in living) act(process);
        }
    }

    private void Tell(string text)
    {
        log?.Write(Format.Kept(text, time.GetLocalNow()));
        display.Tell(Format.Shown(text, time.GetLocalNow()));
    }
}
