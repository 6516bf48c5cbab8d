namespace Pampa.Showing;

/// <summary>What Prometheus is told of the cluster.</summary>
internal static class Measures
{
    private const string Gauge = "gauge";
    private const string Counter = "counter";

    /// <summary>A value, and of what.</summary>
    private readonly record struct Value(double? Number, params (string Name, string Value)[] Labels);

    /// <summary>Values of one name.</summary>
    private sealed record Measure(string Name, string Type, string Help, Func<SnapshotShape, IEnumerable<Value>> Of);

    private static readonly Measure[] All =
    [
        One("pampa_up", "Whether the database answered when it was asked last.", s => s.Trouble is null ? 1 : 0),
        One("pampa_seen_age_seconds", "How old what is told here is.", s => s.AgeSeconds),
        new("pampa_leader_info", Gauge, "The node whose dispatcher leads.", s => s.Leader is { } l ? [new Value(1, ("node", l.Node))] : []),
        One("pampa_leader_term", "The number of the reign. A leader that changes often is in trouble.", s => s.Leader?.Term),
        new("pampa_job_tasks", Gauge, "Tasks by state, as far as they were counted (pampa_job_counted_exactly).", s => s.Jobs.Where(j => j.IsMeasured).SelectMany(States)),
        OfJob("pampa_job_counted_exactly", "Whether all records were counted; else there are more than pampa_job_tasks says.", j => !j.IsMeasured ? null : j.IsExact ? 1 : 0),
        OfJob("pampa_job_oldest_pending_seconds", "How long the task waits that has been due for the longest time, where that is known.", j => j.IsMeasured ? j.OldestPending : null),
        OfJob("pampa_job_ended_per_second", "Tasks that end a second on all nodes.", j => j.IsMeasured ? j.PerSecond : null),
        OfJob("pampa_job_eta_seconds", "When all that is due will have ended at this rate.", j => j.IsMeasured ? j.Eta : null),
        OfJob("pampa_job_workers", "Workers that serve the job.", j => j.Workers),
        OfJob("pampa_job_workers_due", "Workers that its due tasks justify, of those that there are.", j => j.Wanted),
        OfJob("pampa_job_workers_wanted", "Workers that it needs to be done in time: what the scale endpoint says.", j => j.IsMeasured ? j.Scale?.Workers : null),
        OfJob("pampa_job_early_seconds", "How much earlier than it shall be the job will be done; less than zero: late.", j => j.IsMeasured ? j.Scale?.Early : null),
        OfJob("pampa_job_paused", "Whether it is paused.", j => j.Held is null ? 0 : 1),
        OfJob("pampa_job_completed_total", "Tasks that ended well.", j => j.Last?.Completed, Counter),
        OfJob("pampa_job_failed_total", "Tasks that failed for good.", j => j.Last?.Failed, Counter),
        OfJob("pampa_job_attempts_total", "Attempts that have ended.", j => j.Last?.Attempts, Counter),
        OfJob("pampa_job_busy_seconds_total", "Time that handlers took for them.", j => j.Last?.Busy.TotalSeconds, Counter),
        OfNode("pampa_node_workers", "Living workers.", n => n.Workers),
        OfNode("pampa_node_workers_ready", "Workers that take tasks.", n => n.Ready),
        OfNode("pampa_node_workers_leaked", "Workers lost to tasks that do not end.", n => n.Leaked),
        OfNode("pampa_node_last_heard_seconds", "How long ago the last heartbeat came.", n => n.LastHeard),
        OfNode("pampa_node_memory_bytes", "Working set of its process.", n => n.Memory),
        OfNode("pampa_node_cpu_cores", "Processor time that its process used a second.", n => n.Cpu),
        new("pampa_node_absent", Gauge, "Nodes that the program declares and that are not there.", s => s.Absent.Select(n => new Value(1, ("node", n)))),
        OfBoth("pampa_node_tasks_in_hand", "Records that its workers have in hand and have not started.", j => j.InHand),
        OfBoth("pampa_node_tasks_running", "Tasks that it runs.", j => j.Running),
        OfBoth("pampa_node_ended_per_second", "Tasks that ended a second lately.", j => j.PerSecond),
    ];

    /// <summary>The names of all that there may be.</summary>
    public static IEnumerable<string> Names => All.Select(m => m.Name);

    // Of a database that does not answer nothing is known, nor of a job that cannot be counted: what was is no measurement.
    public static string Write(SnapshotShape seen)
    {
        var text = new MeasureText();
        foreach (var measure in seen.Trouble is null ? All : All[..2])
        {
            var values = measure.Of(seen).Where(v => v.Number is not null).ToList();
            if (values.Count == 0) continue;
            text.Begin(measure.Name, measure.Type, measure.Help);
            foreach (var value in values) text.Add(measure.Name, value.Number!.Value, value.Labels);
        }
        return text.ToString();
    }

    private static IEnumerable<Value> States(JobShape job)
    {
        (string State, long Count)[] states =
        [
            ("pending", job.Pending), ("scheduled", job.Scheduled), ("reserved", job.Reserved), ("running", job.Running), ("completed", job.Completed),
            ("failed", job.Failed),
        ];
        return states.Select(s => new Value(s.Count, ("job", job.Name), ("state", s.State)));
    }

    private static Measure One(string name, string help, Func<SnapshotShape, double?> of) => new(name, Gauge, help, s => [new Value(of(s))]);

    private static Measure OfJob(string name, string help, Func<JobShape, double?> of, string type = Gauge) =>
        new(name, type, help, s => s.Jobs.Select(j => new Value(of(j), ("job", j.Name))));

    private static Measure OfNode(string name, string help, Func<NodeShape, double?> of) =>
        new(name, Gauge, help, s => s.Nodes.Select(n => new Value(of(n), ("node", n.Name))));

    private static Measure OfBoth(string name, string help, Func<NodeJobShape, double?> of) =>
        new(name, Gauge, help, s => s.Nodes.SelectMany(n => n.Jobs.Select(j => new Value(of(j), ("job", j.Job), ("node", n.Name)))));
}
