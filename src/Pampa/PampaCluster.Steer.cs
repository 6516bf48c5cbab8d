using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa;

/// <summary>Steering: what begins nothing for a while.</summary>
public sealed partial class PampaCluster
{
    private const int MaxReason = 500;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Pauses a job, a node or a worker: soon (at once where notifications come, else within two seconds) nothing of it is
    /// started, and what was reserved and not started is given back at no cost.
    /// What runs goes on to its end. It stands in the database, survives every process, and holds for a
    /// node that comes back. Paused again, it gets the new reason and the new end.
    /// </summary>
    /// <param name="target">What.</param>
    /// <param name="reason">Why, for whoever asks <c>status</c>; at most 500 characters. Default: none.</param>
    /// <param name="until">When it goes on by itself, by the database's clock (<see cref="NowAsync"/>). Default null: when it is resumed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">There is no such job, node or worker, the reason is too long, or the end is past.</exception>
    public Task PauseAsync(PampaTarget target, string? reason = null, DateTimeOffset? until = null, CancellationToken cancellationToken = default) =>
        HoldAsync("pause", target, reason, until, cancellationToken);

    private async Task HoldAsync(string action, PampaTarget target, string? reason, DateTimeOffset? until, CancellationToken cancellationToken)
    {
        var parts = await access.GetAsync(cancellationToken);
        await CheckAsync(parts, target, cancellationToken);
        var why = reason ?? "";
        if (why.Length > MaxReason) throw Fault($"A reason has at most {MaxReason} characters, got {why.Length}.");
        var note = await NoteAsync(parts, action, target, until is { } end ? Joined(why, $"until {end.ToUniversalTime():u}") : why, cancellationToken);
        if (!await parts.Tables.Control.HoldAsync(target.Hold, why, until, cancellationToken, note))
            throw Fault($"The pause must end in the future by the database's clock, got {until:O}.");
        await parts.SteerAsync(cancellationToken);
    }

    /// <summary>Ends a pause: it takes tasks again, as soon as it was paused.</summary>
    /// <param name="target">What.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False: it was not paused.</returns>
    public async Task<bool> ResumeAsync(PampaTarget target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        var parts = await access.GetAsync(cancellationToken);
        var was = await parts.Tables.Control.ReleaseAsync(target.Hold, cancellationToken, await NoteAsync(parts, "resume", target, "", cancellationToken));
        await parts.SteerAsync(cancellationToken);
        return was;
    }

    /// <summary>
    /// The original's word for <see cref="PauseAsync"/> of a worker or a node: it stays in the cluster and serves no job.
    /// </summary>
    /// <param name="target">A worker or a node.</param>
    /// <param name="reason">Why. Default: none.</param>
    /// <param name="until">When it is attached again by itself. Default null: when <see cref="AttachAsync"/> says so.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">It is a job, or there is no such node or worker.</exception>
    public Task DetachAsync(PampaTarget target, string? reason = null, DateTimeOffset? until = null, CancellationToken cancellationToken = default) =>
        PauseAsync(NoJob(target, "detached", "paused"), reason, until, cancellationToken);

    /// <summary>The original's word for <see cref="ResumeAsync"/> of a worker or a node.</summary>
    /// <param name="target">A worker or a node.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False: it was attached already.</returns>
    /// <exception cref="ArgumentException">It is a job.</exception>
    public Task<bool> AttachAsync(PampaTarget target, CancellationToken cancellationToken = default) =>
        ResumeAsync(NoJob(target, "attached", "resumed"), cancellationToken);

    /// <summary>
    /// Pauses it as <see cref="PauseAsync"/> does, and waits until nothing of it is reserved or runs any more: then a node can be stopped,
    /// or a job's table be changed.
    /// </summary>
    /// <param name="target">What.</param>
    /// <param name="timeout">
    /// How long to wait at most while something runs. More than zero; that nothing runs is waited for three seconds in any case, because
    /// somebody may not have heard of the pause yet.
    /// </param>
    /// <param name="reason">Why. Default: none.</param>
    /// <param name="until">When it goes on by itself. Default null: when it is resumed.</param>
    /// <param name="cancellationToken">Gives up; it stays paused.</param>
    /// <returns>How many tasks are reserved or run still when the time is over; 0: it is drained.</returns>
    /// <exception cref="ArgumentException">There is no such job, node or worker, or the reason is too long.</exception>
    public async Task<long> DrainAsync(
        PampaTarget target, TimeSpan timeout, string? reason = null, DateTimeOffset? until = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        await HoldAsync("drain", target, reason, until, cancellationToken);
        var parts = await access.GetAsync(cancellationToken);
        var began = TimeProvider.System.GetTimestamp();
        var quietSince = began;
        // It reads what is open: seldom where that is much.
        var pace = new Pace(LookEvery, TimeProvider.System);
        while (true)
        {
            var looked = TimeProvider.System.GetTimestamp();
            var left = await HeldRecordsAsync(parts, target.Hold, cancellationToken);
            pace.End(looked);
            // Whoever has not heard of it yet may still begin something: nothing of it for a while is what counts.
            if (left > 0) quietSince = TimeProvider.System.GetTimestamp();
            else if (TimeProvider.System.GetElapsedTime(quietSince) >= Quiet) return 0;
            while (!pace.IsDue)
            {
                // Nothing just now is not yet drained: that takes a moment more, whatever the time-out.
                if (left > 0 && TimeProvider.System.GetElapsedTime(began) >= timeout) return left;
                await Task.Delay(LookEvery / 4, TimeProvider.System, cancellationToken);
            }
        }
    }

    /// <summary>The time by the database's clock, by which all times count that are given or told here: this computer's may differ.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<DateTimeOffset> NowAsync(CancellationToken cancellationToken = default) =>
        await (await access.GetAsync(cancellationToken)).Tables.Control.NowAsync(cancellationToken);

    private static async Task<long> HeldRecordsAsync(ClusterParts parts, Hold hold, CancellationToken stopping)
    {
        var workers = hold.Kind == HoldKind.Job ? null
            : (await parts.Tables.Cluster.ReadWorkersAsync(stopping))
                .Where(w => hold.Kind == HoldKind.Worker ? w.Id == hold.Name : Holds.IsOf(w.Node, hold.Name)).Select(w => w.Id).ToList();
        var left = 0L;
        foreach (var store in parts.Stores.Where(s => hold.Kind != HoldKind.Job || s.Job.Name == hold.Name))
            left += await store.CountHeldAsync(workers, stopping);
        return left;
    }

    private static PampaTarget NoJob(PampaTarget target, string word, string other)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.Hold.Kind == HoldKind.Job ? throw Fault($"Workers and nodes are {word}; a job is {other}.") : target;
    }

    private static async Task CheckAsync(ClusterParts parts, PampaTarget target, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Hold.Kind == HoldKind.Job)
        {
            Find(parts, target.Name);
            return;
        }
        var workers = await parts.Tables.Cluster.ReadWorkersAsync(stopping);
        List<string> names = target.Hold.Kind == HoldKind.Worker
            ? workers.ConvertAll(w => w.Id)
            : [.. workers.Select(w => w.Node).Concat(parts.Nodes).Distinct(StringComparer.Ordinal)];
        if (names.Exists(n => n == target.Name || (target.Hold.Kind == HoldKind.Node && Holds.IsOf(n, target.Name)))) return;
        throw Fault($"There never was a {target}{Suggestion.For(target.Name, names)}.");
    }

    private static HeldInfo HeldOf((Hold Hold, string Reason, double Seconds, double? Left) held) => new(
        Target(held.Hold), held.Reason, TimeSpan.FromSeconds(Math.Max(0, held.Seconds)),
        held.Left is { } left ? TimeSpan.FromSeconds(Math.Max(0, left)) : null);

    private static PampaTarget Target(Hold hold) => hold.Kind switch
    {
        HoldKind.Job => PampaTarget.Job(hold.Name),
        HoldKind.Node => PampaTarget.Node(hold.Name),
        _ => PampaTarget.Worker(hold.Name),
    };
}
