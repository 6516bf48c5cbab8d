using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>What a stand-alone process has from outside.</summary>
/// <param name="Name">How it is called.</param>
/// <param name="RunAsync">What it does again and again.</param>
/// <param name="OnStart">What it does once before; null: nothing.</param>
/// <param name="Timetable">When it does it.</param>
internal sealed record StandAloneParts(
    string Name, Func<StandAloneRun, CancellationToken, Task> RunAsync, Func<StandAloneRun, CancellationToken, Task>? OnStart, Timetable Timetable)
{
    /// <summary>The lease without which it does nothing; null: it needs none.</summary>
    public SingleInstance? Instance { get; init; }

    /// <summary>For its code; null: there is none.</summary>
    public DbDataSource? Database { get; init; }

    /// <summary>Whether one run is all.</summary>
    public bool IsOnce { get; init; }

    public bool StopsOnError { get; init; }

    public required Backoff Backoff { get; init; }

    public TimeSpan ShutdownTimeout { get; init; }

    /// <summary>How long a run may take; null: as long as it does.</summary>
    public TimeSpan? MaxDuration { get; init; }
}

/// <summary>
/// A process that does something again and again beside the jobs: when its timetable says so and, where only one of its name
/// may, while it has the lease. One run at a time; whatever a run throws ends that run only.
/// </summary>
internal sealed class StandAloneProcess(StandAloneParts parts, Surroundings surroundings)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Unusual = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Obedience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private readonly ILogger log = surroundings.Logs.CreateLogger("Pampa");
    private readonly ILogger own = surroundings.Logs.CreateLogger(parts.Name);
    private readonly TimeProvider time = surroundings.Time;
    private long number;
    private int failures;
    private bool hasBegun;
    private string? standsBehind;
    private TimeSpan longest;
    private bool isAbandoned;
    private int? code;

    private Timetable Timetable => parts.Timetable;

    /// <summary>Runs until told to stop. Returns the exit code.</summary>
    public async Task<int> RunAsync(CancellationToken stopping)
    {
        if (await StartAsync(stopping) is { } error)
        {
            Log.StartFailed(log, error);
            return ExitCode.Configuration;
        }
        parts.Instance?.Start();
        var changed = parts.Instance?.Changed ?? new Signal();
        try
        {
            while (!stopping.IsCancellationRequested && code is null)
            {
                if (!await CycleAsync(stopping) && code is null) await changed.WaitAsync(Pause, time, stopping);
            }
        }
        finally
        {
            if (parts.Instance is not null) await ResignAsync(parts.Instance);
        }
        // Whoever has asked for one run must not take it for done.
        return code ?? (parts.IsOnce ? ExitCode.Abandoned : ExitCode.Done);
    }

    /// <summary>How long nothing is due. Not longer than a while, for the clock of a schedule may be set.</summary>
    public TimeSpan Pause => !hasBegun || Timetable.Left > LongestPause ? LongestPause : Timetable.Left;

    /// <summary>The exit code, once it is known.</summary>
    public int? Code => code;

    /// <summary>Runs the code if it is due and may run. Says whether it did.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping)
    {
        var held = parts.Instance?.Held;
        if (parts.Instance is { } instance && held is null)
        {
            StandBy(instance);
            return false;
        }
        if (!hasBegun) Begin(held);
        if (!parts.IsOnce && !Timetable.IsDue) return false;
        await RunOnceAsync(held, stopping);
        return true;
    }

    private void Begin(HeldLease? held)
    {
        hasBegun = true;
        failures = 0;
        standsBehind = null;
        Timetable.Begin();
        if (held is not null) Log.Holds(log, parts.Name, held.Lease.Term);
        if (!parts.IsOnce && Timetable.Next is { } next) Log.NextRun(log, parts.Name, next);
    }

    private void StandBy(SingleInstance instance)
    {
        if (hasBegun) Log.HoldsNoMore(log, parts.Name);
        hasBegun = false;
        if (instance.Other is not { } other || other == standsBehind) return;
        standsBehind = other;
        if (parts.IsOnce)
        {
            Log.RunsElsewhere(log, parts.Name, other);
            code = ExitCode.WorkerIdTaken;
        }
        else
        {
            Log.StandsBy(log, parts.Name, other);
        }
    }

    private async Task<string?> StartAsync(CancellationToken stopping)
    {
        if (parts.OnStart is not { } start) return null;
        var run = new StandAloneRun(parts.Name, 0, own, parts.Database, () => stopping.IsCancellationRequested ? RunToken.Stopping : null);
        try
        {
            await StartCode.RunAsync("OnStart", 0, 1, () => start(run, stopping), stopping, what: "Nothing was run");
            return null;
        }
        catch (StartCodeException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task RunOnceAsync(HeldLease? held, CancellationToken stopping)
    {
        var due = Timetable.Start();
        var began = time.GetTimestamp();
        var token = new RunToken(parts.MaxDuration, time, held?.Lost ?? CancellationToken.None, stopping);
        var run = new StandAloneRun(parts.Name, ++number, own, parts.Database, () => token.Reason)
        {
            ScheduledFor = parts.IsOnce ? null : due,
            Term = held?.Lease.Term,
        };
        // It may block its thread.
        var running = Task.Run(() => parts.RunAsync(run, token.Token), CancellationToken.None);
        if (!await HasEndedAsync(running, held?.Lost ?? CancellationToken.None, stopping))
        {
            Log.RunAbandoned(log, parts.Name, run.Number, parts.ShutdownTimeout);
            (code, isAbandoned) = (ExitCode.Abandoned, true);
            return;
        }
        token.Dispose();
        var took = time.GetElapsedTime(began);
        if (took > longest) longest = took;
        await EndAsync(running, run, token.Reason, took, stopping);
    }

    // Waits for the end; of a stop, not for ever.
    private async Task<bool> HasEndedAsync(Task running, CancellationToken lost, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lost, stopping);
        await WatchAsync(running, either.Token);
        if (!running.IsCompleted && !stopping.IsCancellationRequested)
        {
            Log.RunWithoutLease(log, parts.Name, number);
            // It keeps nobody else from beginning any more: how long it takes is told no further.
            await running.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (running.IsCompleted) return true;
        Log.RunStopping(log, parts.Name, number, parts.ShutdownTimeout);
        await running.WaitAsync(parts.ShutdownTimeout, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return running.IsCompleted;
    }

    /// <summary>
    /// Waits for the end, and tells where that is long in coming, ever more seldom: a process that looks well and does nothing any more, and whose lease
    /// nobody else gets, is found out by nothing else.
    /// </summary>
    private async Task WatchAsync(Task running, CancellationToken until)
    {
        var began = time.GetTimestamp();
        var next = parts.MaxDuration + Obedience ?? (3 * longest > Unusual ? 3 * longest : Unusual);
        while (!running.IsCompleted && !until.IsCancellationRequested)
        {
            var left = next - time.GetElapsedTime(began);
            if (left > TimeSpan.Zero)
            {
                // A timer has no more than 49 days.
                await running.WaitAsync(left < LongestWait ? left : LongestWait, time, until).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            if (parts.MaxDuration is { } most) Log.RunOverdue(log, parts.Name, number, most, Whole(time.GetElapsedTime(began)));
            else Log.RunTakesLong(log, parts.Name, number, Whole(time.GetElapsedTime(began)));
            next *= 2;
        }
    }

    private async Task EndAsync(Task running, StandAloneRun run, string? cancelled, TimeSpan took, CancellationToken stopping)
    {
        try
        {
            await running;
            failures = 0;
            Timetable.End(TimeSpan.Zero);
            if (parts.IsOnce) code = ExitCode.Done;
        }
        catch (OperationCanceledException e) when (cancelled == RunToken.Overdue)
        {
            Failed(run, took, new TimeoutException($"The run did not end within {parts.MaxDuration:c} (MaxDuration).", e));
        }
        catch (OperationCanceledException) when (cancelled is not null)
        {
            Log.RunCancelled(log, parts.Name, run.Number, cancelled);
            Timetable.End(TimeSpan.Zero);
            if (parts.IsOnce && !stopping.IsCancellationRequested) code = ExitCode.TasksFailed;
        }
        catch (Exception e)
        {
            Failed(run, took, e);
        }
    }

    private void Failed(StandAloneRun run, TimeSpan took, Exception error)
    {
        failures++;
        var rest = TimeSpan.FromSeconds(parts.Backoff.SecondsAfter(Math.Min(failures, Limits.Attempts), surroundings.Random));
        Timetable.End(rest);
        if (parts.IsOnce || parts.StopsOnError)
        {
            Log.LastRunFailed(log, parts.Name, run.Number, took.TotalSeconds, error);
            code = ExitCode.TasksFailed;
        }
        else
        {
            Log.RunFailed(log, parts.Name, run.Number, took.TotalSeconds, failures, Whole(Timetable.Left), error);
        }
    }

    private static TimeSpan Whole(TimeSpan time) => TimeSpan.FromSeconds(Math.Max(0, Math.Ceiling(Math.Min(time.TotalSeconds, int.MaxValue))));

    private async Task ResignAsync(SingleInstance instance)
    {
        // One that was abandoned may still be at work: then the lease ends by itself, as if this process had died.
        if (isAbandoned) return;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10), time);
        try
        {
            await instance.ResignAsync(deadline.Token);
        }
        catch (Exception e) when (e is DbException or OperationCanceledException or TimeoutException or IOException)
        {
            Log.NotResigned(log, parts.Name, e.Message);
        }
    }
}
