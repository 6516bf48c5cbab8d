using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// Does the ticks of schedules while this process leads. The database's clock says what is due; a tick is a compare-and-set in the
/// transaction of its work, so that another leader, an old one or a lost answer can neither double it nor lose it.
/// </summary>
internal sealed class Scheduler(
    ScheduleStore store, IReadOnlyList<ScheduleDefinition> schedules, Func<CancellationToken, Task<LeaseTerm?>> leadAsync, DbDataSource source,
    ILogger log, TimeProvider time, Random random) : IDisposable
{
    /// <summary>
    /// Ticks that are under way at once at most. One that does not end although its time is over is not among them: it holds up its own schedule
    /// and no other.
    /// </summary>
    public const int MostAtOnce = 8;

    /// <summary>
    /// Connections of all ticks: one that does not end keeps its own, so that there may be no more of those than of the others. Where they are all,
    /// nothing begins.
    /// </summary>
    public const int MostConnections = 2 * MostAtOnce;

    private const int MaxTries = 5;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Company = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(20);
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly List<Ticking> all = [.. schedules.Select(s => new Ticking(s, time))];
    private LeaseTerm? current;
    private long lookedAt;
    private bool isFullTold;

    /// <summary>Called when a tick was done: there may be new records of any job.</summary>
    public Action? Ticked { get; init; }

    /// <summary>False while this process is to end when nothing is left to do: what comes for ever would keep it from that.</summary>
    public bool IsOn { get; set; } = true;

    /// <summary>Whether there is anything to look for.</summary>
    public bool HasAny => IsOn && all.Count > 0;

    /// <summary>Set when a tick has ended.</summary>
    public Signal Ended { get; } = new();

    /// <summary>The program's schedules.</summary>
    public IReadOnlyList<ScheduleDefinition> Schedules => schedules;

    public ScheduleStore Store => store;

    /// <summary>How long nothing is due, as far as is known; not long, for the lead may come at any time.</summary>
    public TimeSpan Pause => current is null ? LongestPause
        : all.Select(t => t.Left).Where(left => left is not null).Append(LongestPause).Min()!.Value;

    /// <summary>Begins what is due and takes what has ended. Says whether any tick was done.</summary>
    public async Task<bool> CycleAsync(CancellationToken stopping) => await TickAsync(isAsked: false, stopping) > 0;

    /// <summary>The same; asked for, it looks even where it takes it that nothing is due. Returns how many ticks were done.</summary>
    public async Task<int> TickAsync(bool isAsked, CancellationToken stopping)
    {
        if (!HasAny) return 0;
        await turn.WaitAsync(stopping);
        try
        {
            var done = await TakeEndedAsync();
            var term = await leadAsync(stopping);
            if (term is null)
            {
                current = null;
                return done;
            }
            if (term != current) await BeginTermAsync(term, stopping);
            var isDue = done > 0 || lookedAt == 0 || time.GetElapsedTime(lookedAt) >= LookEvery || all.Exists(t => t.Left == TimeSpan.Zero);
            if (isAsked || isDue) await BeginAsync(term, stopping);
            await KeepCompanyAsync(stopping);
            return done + await TakeEndedAsync();
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>
    /// Waits for the ticks that are under way and whose tokens are cancelled; not for ever, for what is not committed is undone, and not for those
    /// that have not obeyed before.
    /// </summary>
    public async Task EndAsync() => await Task.WhenAll(Obeying).WaitAsync(Farewell, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // One that is overdue may never end: whoever waited for it would wait each time, and hang one more continuation on it.
    private List<Task> Obeying => [.. all.Where(t => !t.IsOverdue).Select(t => t.UnderWay).OfType<Task>()];

    // Everybody goes by what the leader's program says, and sees which schedules it has.
    private async Task BeginTermAsync(LeaseTerm term, CancellationToken stopping)
    {
        var known = (await store.ReadAsync(term.Scope, stopping)).Rows.ToDictionary(r => r.Name, StringComparer.Ordinal);
        foreach (var schedule in schedules)
        {
            if (!known.TryGetValue(schedule.Name, out var row)) await store.AddAsync(schedule, stopping);
            var isPublished = await store.PublishAsync(schedule, term, stopping);
            if (isPublished && row is not null && (row.Expression, row.Zone) != (schedule.Expression, schedule.ZoneName))
                Log.TimesChanged(log, schedule.Name, row.Expression, row.Zone, row.Program, schedule.Expression, schedule.ZoneName);
        }
        current = term;
        lookedAt = 0;
    }

    private async Task BeginAsync(LeaseTerm term, CancellationToken stopping)
    {
        // From before the question, so that nothing is found due later than it is.
        var at = time.GetTimestamp();
        var look = await store.ReadAsync(term.Scope, stopping);
        lookedAt = at;
        foreach (var one in all.Where(t => t.UnderWay is null))
        {
            var row = look.Rows.FirstOrDefault(r => r.Name == one.Schedule.Name);
            // Somebody has deleted it: it is made known again, and begins anew.
            if (row is null) current = null;
            if (one.Plan(row, look.Now, at) is not { } plan || !HasPlace()) continue;
            one.Begin(plan.At, async () =>
            {
                try
                {
                    return await TickAsync(one.Schedule, row!, plan, term, stopping);
                }
                finally
                {
                    Ended.Set();
                }
            });
        }
    }

    private bool HasPlace()
    {
        var underWay = all.FindAll(t => t.UnderWay is not null);
        var overdue = underWay.FindAll(t => t.IsOverdue);
        // Up to there the others have all of their places. Behind more, what ends as it should may have the last ones.
        if (overdue.Count <= MostAtOnce) isFullTold = false;
        else if (underWay.Count >= MostConnections && !isFullTold)
        {
            isFullTold = true;
            Log.NoPlaceForTicks(log, overdue.Count, string.Join(", ", overdue.Select(t => t.Schedule.Name)), MostConnections);
        }
        return underWay.Count < MostConnections && underWay.Count - overdue.Count < MostAtOnce;
    }

    // Most end in a moment, and what they bring is dispatched the sooner.
    private async Task KeepCompanyAsync(CancellationToken stopping)
    {
        if (Obeying is { Count: > 0 } obeying)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(Task.WhenAll(obeying), Task.Delay(Company, time, enough.Token));
            await enough.CancelAsync();
        }
        foreach (var one in all)
        {
            if (one.TakeOverdue() is { } tick) Log.TickOverdue(log, one.Schedule.Name, tick);
        }
    }

    private async Task<int> TakeEndedAsync()
    {
        var done = 0;
        try
        {
            foreach (var one in all)
            {
                if (await one.TakeEndedAsync()) done++;
            }
        }
        finally
        {
            // What one of them throws is no reason to let the records of another wait.
            if (done > 0) Ticked?.Invoke();
        }
        return done;
    }

    private async Task<bool> TickAsync(ScheduleDefinition schedule, ScheduleRow row, TickPlan plan, LeaseTerm term, CancellationToken stopping)
    {
        if (plan.IsLeftOut)
        {
            var isLeftOut = await store.LeaveOutAsync(schedule.Name, row.LastTick, plan.At, plan.Missed, term, stopping);
            if (isLeftOut) Log.TicksLeftOut(log, schedule.Name, plan.Missed, plan.At);
            return isLeftOut;
        }
        using var deadline = new CancellationTokenSource(schedule.MaxDuration, time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        var tick = new ScheduleTick(schedule.Name, plan.At, schedule.Zone, until.Token) { Missed = plan.Missed };
        try
        {
            if (await store.TickAsync(source, schedule, tick, row.LastTick, term, stopping) is not { } rows) return false;
            Log.Ticked(log, schedule.Name, plan.At, rows);
            if (plan.Missed > 0) Log.TickStandsFor(log, schedule.Name, plan.Missed, plan.At);
            if (row.Failures > 0) Log.TickWorksAgain(log, schedule.Name, plan.At, row.Failures);
            return true;
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            // Nothing of it stays, and it is done by whoever leads next.
            return false;
        }
        catch (Exception e)
        {
            var error = deadline.IsCancellationRequested ? TookTooLong(schedule, e) : e.Message;
            await FailedAsync(schedule, row, plan.At, error, term, stopping);
            return false;
        }
    }

    private static string TookTooLong(ScheduleDefinition schedule, Exception error) =>
        $"it did not end within {schedule.MaxDuration:c} (MaxDuration): {error.Message}";

    // Where the answer to its commit was lost it may be done all the same: then the row says so, and there is no failure.
    private async Task FailedAsync(
        ScheduleDefinition schedule, ScheduleRow row, DateTimeOffset tick, string error, LeaseTerm term, CancellationToken stopping)
    {
        var wait = TimeSpan.FromSeconds(schedule.Backoff.SecondsAfter(Math.Min(row.Failures + 1, Limits.Attempts), random));
        var text = ErrorText.Sanitise(error, Limits.ErrorText);
        if (!await store.FailAsync(schedule.Name, row.LastTick, text, wait, term, stopping)) return;
        if (row.Failures == 0) Log.TickFailed(log, schedule.Name, tick, TimeSpan.FromSeconds(Math.Ceiling(wait.TotalSeconds)), text.ReplaceLineEndings(" "));
    }

    /// <summary>
    /// Does a tick of its own, now and in this process, whoever leads and whatever is paused; the regular ones stay as they are. However often
    /// an answer is lost, it is done once.
    /// </summary>
    public async Task<ScheduleTick> RunAsync(ScheduleDefinition schedule, CancellationToken stopping)
    {
        var id = Guid.NewGuid().ToString("N");
        await store.ForgetRunsAsync(stopping);
        var now = await store.NowAsync(stopping);
        var isInDoubt = false;
        for (var tries = 1; ; tries++)
        {
            using var deadline = new CancellationTokenSource(schedule.MaxDuration, time);
            using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
            var tick = new ScheduleTick(schedule.Name, now, schedule.Zone, until.Token) { IsByHand = true, IdempotencyKey = $"{schedule.Name}/{id}" };
            try
            {
                // Null: it was done by an earlier try whose answer was lost.
                await store.RunAsync(source, schedule, tick, id, stopping);
                Ticked?.Invoke();
                return tick;
            }
            catch (Exception e) when (stopping.IsCancellationRequested && !isInDoubt && e is not TickInDoubtException)
            {
                throw new OperationCanceledException(e.Message, e, stopping);
            }
            catch (Exception e) when (stopping.IsCancellationRequested)
            {
                // Whoever gives up then must be told that it may be done.
                throw e as TickInDoubtException ?? new TickInDoubtException(e);
            }
            catch (Exception e) when (deadline.IsCancellationRequested && e is not TickInDoubtException)
            {
                var late = new TickCodeException(TookTooLong(schedule, e), e);
                throw isInDoubt ? new TickInDoubtException(late) : late;
            }
            catch (Exception e) when (tries < MaxTries && (e is TickInDoubtException || (isInDoubt && store.IsAway(e))))
            {
                isInDoubt = true;
                await Task.Delay(tries * LongestPause / 2, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (stopping.IsCancellationRequested) throw e as TickInDoubtException ?? new TickInDoubtException(e);
            }
            catch (Exception e) when (isInDoubt && e is not TickInDoubtException)
            {
                // Whatever this try has met, and be it what an earlier one has written: that one may be done.
                throw new TickInDoubtException(e);
            }
        }
    }

    public void Dispose() => turn.Dispose();
}
