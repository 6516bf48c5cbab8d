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
/// <param name="time">Time.</param>
internal sealed class IsolatedNode(Display display, string name, int workers, IReadOnlyList<string> arguments, string? logPath, TimeProvider time)
{
    private const string Registered = "Pampa[101]";
    private readonly Lock gate = new();
    private readonly HashSet<WorkerProcess> living = [];
    private readonly HashSet<string> begun = [];
    private LogFile? log;
    private ServiceNotices? notices;
    private bool isStopping;
    private int? endedBy;

    /// <summary>Runs until told to stop, or until a worker shows that none can work. Returns the exit code.</summary>
    /// <param name="database">The line that tells the database.</param>
    /// <exception cref="PampaConfigurationException">The log file cannot be written.</exception>
    public async Task<int> RunAsync(string database)
    {
        await using var file = logPath is null ? null : LogFile.Open(logPath, Tell, time);
        log = file;
        using var stop = new CancellationTokenSource();
        using var signals = new Signals(Tell, atOnce: KillAll);
        using var service = notices = ServiceNotices.Take(time);
        await using var pulse = service?.AliveEvery is { } every ? time.CreateTimer(_ => service.Alive(), null, TimeSpan.Zero, every) : null;
        await using var registration = signals.Stopping.Register(stop.Cancel);
        await using var passing = stop.Token.Register(StopAll);
        Tell(database);
        Tell($"Node '{name}' runs {workers} workers as processes of their own, supervised by process {Environment.ProcessId}");
        var lives = Enumerable.Range(1, workers).Select(n => SuperviseAsync($"{name}.{n}", stop)).ToList();
        var codes = await Task.WhenAll(lives);
        return endedBy ?? codes.Max();
    }

    /// <summary>One worker, life after life. Returns the code of the last one.</summary>
    private async Task<int> SuperviseAsync(string id, CancellationTokenSource stop)
    {
        var policy = new RestartPolicy();
        while (true)
        {
            var began = time.GetTimestamp();
            var code = await TryLiveAsync(id);
            if (stop.IsCancellationRequested) return code;
            if (policy.After(code, time.GetElapsedTime(began), HasBegun(id, code)) is not { } pause)
            {
                Tell($"Worker '{id}' ended with {code}, so the node ends");
                endedBy ??= code;
                await stop.CancelAsync();
                return code;
            }
            Tell(FormattableString.Invariant($"Worker '{id}' ended by itself with {code}; it is started again in {pause.TotalSeconds:0} s"));
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // What it died of was told when it did; the stop is in order.
            if (stop.IsCancellationRequested) return ExitCode.Done;
        }
    }

    private async Task<int> TryLiveAsync(string id)
    {
        try
        {
            return await LiveAsync(id);
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException)
        {
            // No memory, too many processes, the program's file is being replaced: a death like another.
            Tell($"Worker '{id}' could not be started: {e.Message}");
            return ExitCode.InternalError;
        }
    }

    private async Task<int> LiveAsync(string id)
    {
        WorkerProcess process;
        lock (gate)
        {
            if (isStopping) return ExitCode.Done;
            process = WorkerProcess.Start(["worker", "--id", id, .. arguments], line => Pass(id, line));
            living.Add(process);
        }
        try
        {
            return await process.EndAsync();
        }
        finally
        {
            lock (gate) living.Remove(process);
            process.Dispose();
        }
    }

    private void Pass(string id, string line)
    {
        // It has registered: from now on a death of it is no reason for all to end.
        if (line.Contains(Registered, StringComparison.Ordinal))
        {
            var isComplete = false;
            lock (gate) isComplete = begun.Add(id) && begun.Count == workers;
            if (isComplete) notices?.Ready($"node {name}, {workers} workers");
        }
        // Of one that has not come so far its own file may know nothing.
        else if (!HasBegun(id)) log?.Write(LogLine.Dated(time.GetLocalNow(), $"{id} | {line}"));
        display.Tell($"{id} | {line}");
    }

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
        log?.Write(LogLine.Dated(time.GetLocalNow(), text));
        display.Tell(text);
    }
}
