using Pampa.Storage;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Simulation;

/// <summary>Who may do what: leases, sessions and heartbeats as the simulation knows them, from the tables and from its own clock.</summary>
internal sealed class Watchtower(SimulatedDatabase db)
{
    private const string DeadStart = "/0";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HandTimeout = TimeSpan.FromMinutes(1);

    public void CheckAuthority(Step step, bool isOwnAttempt)
    {
        var lives = db.Lives();
        var owner = lives.Find(l => l.Worker == (step.Before.Rid ?? step.After.Rid));
        switch (step.Sent.Kind)
        {
            case "RESERVE" or "RESERVE AND START":
                CheckLeads(step);
                step.Require(owner is not null, "T1: for a worker that never was");
                // Of a worker of another process it knows what it has seen last; of its own, what is.
                var isReady = owner!.State == "ready" || (IsOwnName(step.Process, owner.Node) ? !IsMine(step, owner) : step.Process.HasSeenReady(owner.Worker));
                step.Require(isReady, "T1: the worker is not ready");
                CheckServes(step);
                if (step.After.St is not null) step.Require(IsMine(step, owner), "T2: not its own session");
                break;
            case "RECLAIM":
                CheckLeads(step);
                step.Require(IsOverdue(step) || IsForgotten(step) || IsDead(step, owner), "T7: its worker lives");
                break;
            case "EXHAUST" or "REPEAT":
                CheckLeads(step);
                break;
            case "RECOVER":
                step.Require(IsMine(step, owner), "T7: not its own worker");
                step.Require(WorkerStates.Of(owner!.State) == WorkerStates.Recovering, "T7: a worker that is ready has no former life to take back");
                break;
            case "FINISH":
                // Of a former life's attempt it may only speak as long as the id is its own.
                step.Require(isOwnAttempt || HasSession(step, owner), "T4: somebody else's attempt is ended by a process that has lost its ids");
                break;
            case "START":
                step.Require(IsMine(step, owner), "T2: not its own session");
                break;
        }
    }

    private void CheckLeads(Step step)
    {
        var lease = db.Lease();
        step.Require(lease is not null && lease.Holder == step.Process.Holder && string.CompareOrdinal(lease.ExpiresAt, step.Now) > 0, "it does not lead");
    }

    private static void CheckServes(Step step)
    {
        var (job, worker) = (step.Job, step.After.Rid!);
        if (job.WorkerFilter is not null) step.Require(worker.EndsWith(".1", StringComparison.Ordinal), "T1: the filter excludes the worker");
        if (job.MaxAssignedWorkers is not { } most) return;
        var workers = step.Sent.Rows.Select(r => r.Worker).Distinct().Count();
        step.Require(workers <= most, "T1: too many workers serve the job");
    }

    private static bool IsMine(Step step, Life? owner) => HasSession(step, owner) && string.CompareOrdinal(owner!.ExpiresAt, step.Now) > 0;

    // It may register anew, under another suffix, while its RESERVE is under way: whoever has the id by then finds the record.
    private static bool IsOwnName(SimulatedProcess process, string node) =>
        node == process.Name || node.StartsWith($"{process.Name}-", StringComparison.Ordinal);

    private static bool HasSession(Step step, Life? owner) =>
        owner is not null && step.Process.Membership.Workers.Contains((owner.Worker, owner.Session));

    private static bool IsOverdue(Step step) => step.Before.St is { } start
        && SimulatedDatabase.Moment(step.Now) - SimulatedDatabase.Moment(start) >= step.Job.MaxDuration + Deadline;

    private static bool IsForgotten(Step step) => step.Before is { IsReserved: true, Rt: { } reserved }
        && SimulatedDatabase.Moment(step.Now) - SimulatedDatabase.Moment(reserved) >= HandTimeout;

    /// <summary>Resigned, provably gone, or silent for half a lease since the watcher itself first saw it so.</summary>
    private static bool IsDead(Step step, Life? owner)
    {
        if (owner is null || owner.State == "resigned" || owner.Process.EndsWith(DeadStart, StringComparison.Ordinal)) return true;
        return step.Process.SilenceOf(owner) is { } silence && silence >= TestCluster.WorkerLease / 2
            && (string.CompareOrdinal(owner.ExpiresAt, step.Now) <= 0 || silence >= TestCluster.WorkerLease);
    }

    /// <summary>A watcher of the simulation's own: since when each process knows a heartbeat.</summary>
    public void Watch(SimulatedProcess process)
    {
        foreach (var life in db.Lives()) process.See(life);
    }
}
