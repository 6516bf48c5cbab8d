using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa;

/// <content>What comes by the clock.</content>
public sealed partial class PampaCluster
{
    private static readonly TimeSpan AuditGrace = TimeSpan.FromSeconds(5);

    /// <summary>
    /// All schedules that the cluster knows, by name: also those that were in another version of the program and are idle now.
    /// </summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<ScheduleInfo>> SchedulesAsync(CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        return await LookAsync(parts.Tables, parts.Scheduler.Schedules, cancellationToken);
    }

    internal static async Task<IReadOnlyList<ScheduleInfo>> LookAsync(
        ClusterTables tables, IReadOnlyList<ScheduleDefinition> own, CancellationToken stopping)
    {
        var look = await tables.Schedules.ReadAsync(Engine.ClusterScope, stopping);
        var known = look.Rows.Select(row => InfoOf(row, own.FirstOrDefault(s => s.Name == row.Name), look));
        // Nobody has started the program yet.
        var unknown = own.Where(s => !look.Rows.Any(row => row.Name == s.Name))
            .Select(s => new ScheduleInfo(s.Name, s.Expression, s.ZoneName, ScheduleState.Idle) { IsInProgram = true });
        return [.. known.Concat(unknown).OrderBy(s => s.Name, StringComparer.Ordinal)];
    }

    /// <summary>
    /// Pauses a schedule: it has no ticks until it is resumed, and those that pass meanwhile are not made up for. It stands in the database and
    /// survives every process. Paused again, it gets the new reason.
    /// </summary>
    /// <param name="schedule">Its name.</param>
    /// <param name="reason">Why, for whoever asks <c>schedules</c>; at most 500 characters. Default: none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">There is no such schedule, or the reason is too long.</exception>
    public async Task PauseScheduleAsync(string schedule, string? reason = null, CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        await CheckScheduleAsync(parts, schedule, cancellationToken);
        var why = reason ?? "";
        if (why.Length > MaxReason) throw Fault($"A reason has at most {MaxReason} characters, got {why.Length}.");
        if (Own(parts, schedule) is { } own) await parts.Tables.Schedules.AddAsync(own, cancellationToken);
        await parts.Tables.Schedules.PauseAsync(schedule, why, cancellationToken, await NoteAsync(parts, "pause schedule", $"schedule {schedule}", why, cancellationToken));
    }

    /// <summary>Ends the pause of a schedule, whose next tick is the next one from now on.</summary>
    /// <param name="schedule">Its name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False: it was not paused.</returns>
    /// <exception cref="ArgumentException">There is no such schedule.</exception>
    public async Task<bool> ResumeScheduleAsync(string schedule, CancellationToken cancellationToken = default)
    {
        var parts = await access.GetAsync(cancellationToken);
        await CheckScheduleAsync(parts, schedule, cancellationToken);
        return await parts.Tables.Schedules.ResumeAsync(schedule, cancellationToken, await NoteAsync(parts, "resume schedule", $"schedule {schedule}", "", cancellationToken));
    }

    /// <summary>
    /// Does a tick of a schedule of this program now, in this process, whoever leads and whether it is paused or not. It is a tick of its own:
    /// the regular ones come as if nothing had been. However often an answer of the database is lost, a call does it once.
    /// </summary>
    /// <param name="schedule">Its name.</param>
    /// <param name="cancellationToken">
    /// Gives up: nothing of it stays, or it ends with a <see cref="TimeoutException"/> as said below. What is known to be done is returned and audited.
    /// </param>
    /// <returns>The tick.</returns>
    /// <exception cref="ArgumentException">This program has no such schedule.</exception>
    /// <exception cref="InvalidOperationException">
    /// The tick has failed, or has taken longer than <see cref="ScheduleBuilder.MaxDuration"/>, and nothing of it stays.
    /// </exception>
    /// <exception cref="TimeoutException">
    /// The database does not answer, or has not answered an earlier try: the message says whether the tick is done and only its line in the audit
    /// is missing, or nothing is known.
    /// </exception>
    public async Task<ScheduleTick> RunScheduleAsync(string schedule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        var parts = await access.GetAsync(cancellationToken);
        if (Own(parts, schedule) is not { } own) throw NoSchedule(schedule, parts.Scheduler.Schedules.Select(s => s.Name));
        if (own.Steps.Count == 0) throw Fault($"Schedule '{schedule}': there is nothing to do: call Do with a statement or with code.");
        ScheduleTick tick;
        try
        {
            tick = await parts.Scheduler.RunAsync(own, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException && !parts.Tables.Schedules.IsAway(e) && e is not TickInDoubtException)
        {
            throw new InvalidOperationException($"Schedule '{schedule}': the tick has failed, and nothing of it stays: {e.Message}", e);
        }
        catch (TickInDoubtException e)
        {
            throw new TimeoutException($"Schedule '{schedule}': the database does not answer, and whether the tick was done is not known: {e.Message}", e);
        }
        // Its transaction is the user's own and has no room for this; whoever may run a schedule may write to the audit.
        // Whoever gives up now gives up nothing any more: it is done, so it is written down.
        using var late = new CancellationTokenSource();
        await using var hurry = cancellationToken.Register(() => late.CancelAfter(AuditGrace));
        try
        {
            await parts.Tables.Audit.WriteAsync(await NoteAsync(parts, "run schedule", $"schedule {schedule}", $"tick {tick.At:u}", late.Token), late.Token);
            await parts.WakeAsync(null, late.Token);
        }
        catch (Exception e)
        {
            // Whoever takes it for failed would do its work a second time.
            throw new TimeoutException($"Schedule '{schedule}': its tick of {tick.At:u} is done and stays so, do not run it again; only the line in the audit could not be written: {e.Message}", e);
        }
        return tick;
    }

    /// <summary>
    /// The dispatcher's fourth step alone: does the ticks of schedules that are due, one of each. It does nothing while another process
    /// leads.
    /// </summary>
    /// <param name="cancellationToken">Gives up, and undoes what is under way.</param>
    /// <returns>How many were done; one that takes longer than a moment is counted by the next call.</returns>
    public async Task<int> TickAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Scheduler.TickAsync(isAsked: true, cancellationToken);

    private static ScheduleDefinition? Own(ClusterParts parts, string schedule) => parts.Scheduler.Schedules.FirstOrDefault(s => s.Name == schedule);

    private static async Task CheckScheduleAsync(ClusterParts parts, string schedule, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        var look = await parts.Tables.Schedules.ReadAsync(Engine.ClusterScope, stopping);
        var names = look.Rows.Select(r => r.Name).Union(parts.Scheduler.Schedules.Select(s => s.Name), StringComparer.Ordinal).ToList();
        if (!names.Contains(schedule)) throw NoSchedule(schedule, names);
    }

    private static ArgumentException NoSchedule(string name, IEnumerable<string> names)
    {
        var known = names.Order(StringComparer.Ordinal).ToList();
        return Fault($"There is no schedule '{name}'{Suggestion.For(name, known)}. {(known.Count == 0 ? "There is none at all." : $"Schedules are {string.Join(", ", known)}.")}");
    }

    private static ScheduleInfo InfoOf(ScheduleRow row, ScheduleDefinition? own, ScheduleLook look)
    {
        var state = row.PausedAt is not null ? ScheduleState.Paused
            : look.LeaderTerm is null || row.Term != look.LeaderTerm ? ScheduleState.Idle
            : row.Failures > 0 ? ScheduleState.Failing : ScheduleState.Active;
        var zone = ScheduleValidation.FindZone(row.Zone, []);
        var next = state == ScheduleState.Paused || zone is null ? null : CronTimes.Parse(row.Expression, zone, row.Name, out _)?.Next(row.Last);
        return new ScheduleInfo(row.Name, row.Expression, row.Zone, state)
        {
            Next = next?.ToUniversalTime(),
            NextLocal = next,
            NextIn = next - look.Now,
            LastTick = row.DoneTick,
            LastDoneAt = row.DoneAt,
            Missed = row.Missed,
            Failures = row.Failures,
            Error = row.Error,
            RetryIn = row.RetryAt - look.Now is { } wait ? wait > TimeSpan.Zero ? wait : TimeSpan.Zero : null,
            PausedAt = row.PausedAt,
            PauseReason = row.PauseReason,
            Revision = row.Revision,
            Program = row.Program,
            OwnExpression = own is null || (own.Expression, own.ZoneName) == (row.Expression, row.Zone) ? null : own.Expression,
            IsInProgram = own is not null,
        };
    }
}
