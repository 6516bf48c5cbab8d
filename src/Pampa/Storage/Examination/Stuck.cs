using System.Globalization;

namespace Pampa.Storage.Examination;

/// <summary>What is wrong with records, in words.</summary>
internal static class Stuck
{
    /// <summary>How long after its time something must still not have happened before it is told of.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    /// <summary>So many records are looked for; more are not counted.</summary>
    public const int Most = 1_000;

    /// <summary>So many are shown.</summary>
    public const int Named = 3;
    private const double Hour = 3600;

    /// <summary>A finding for each thing that is wrong.</summary>
    public static IEnumerable<Finding> Findings(TaskStore store, IReadOnlyList<StuckRecord> records)
    {
        var job = store.Job;
        var where = $"job {job.Name}";
        foreach (var group in records.GroupBy(r => r.Wrong).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var which = Which(group.Select(r => r.Worker is null ? r.Key : $"{r.Key} (worker {r.Worker})"), group.Count());
            var longest = Examiner.AgeOf(group.Max(r => r.Seconds));
            yield return group.Key switch
            {
                "overdue" => Finding.Error("task-overdue", where, $"{which} run longer than MaxDuration ({job.MaxDuration:c}) and a minute, the longest for {longest}: nobody has taken them back.", "See that a dispatcher leads and what its log says of this job; 'relaunch' does not touch what runs."),
                "forgotten" => Finding.Error("task-not-started", where, $"{which} were reserved up to {longest} ago and never started, though their worker lives.", "Look into the log of the worker's node, and see that a dispatcher leads: it takes such records back."),
                "unowned" => Finding.Error("task-unowned", where, $"{which} carry the id of a worker that this cluster never had.", "A dispatcher that leads gives them back. If somebody else writes the column, stop it; if another cluster (pampa.Cluster) works on the table, give it columns of its own."),
                "orphaned" => Finding.Error("task-orphaned", where, $"{which} are held by a worker that is gone for more than a minute.", "Start a dispatcher: it takes them back."),
                "future" => Finding.Warning("time-in-future", where, $"{which} are held and carry a time in the future: it is none of the database's clock.", "Somebody writes these columns in local time, or the database's clock was set back. Times are UTC; let only the database make them."),
                _ => Finding.Warning("task-exhausted", where, $"{which} have no attempt left and no end.", "They count as failed; a dispatcher that leads gives them their end."),
            };
        }
    }

    /// <summary>What is wrong with the times of ended records.</summary>
    public static IEnumerable<Finding> Findings(TaskStore store, IReadOnlyList<(string Key, double Ended, double? Started)> records)
    {
        if (records.Count == 0) return [];
        // A task takes seconds, as a rule: what is more between start and end is the other clock's.
        var offsets = records.Select(r => Math.Abs(r.Ended - (r.Started ?? 0))).ToList();
        // Time zones differ by whole hours, or by halves and quarters of one.
        var isZone = offsets.TrueForAll(o => Math.Abs(Math.IEEERemainder(o, Hour / 4)) < Margin.TotalSeconds);
        var which = Which(records.Select(r => r.Key), records.Count);
        var what = isZone ? $", by {Examiner.AgeOf(Math.Round(offsets.Max() / (Hour / 4)) * Hour / 4)}: as local time would be" : "";
        return [Finding.Warning("odd-times", $"job {store.Job.Name}", $"{which} ended in the future, or before they started{what}.",
            "Somebody wrote these columns with a clock of its own, perhaps the Ruby library in local time. Pampa's own times are the database's, in UTC.")];
    }

    private static string Which(IEnumerable<string> keys, int count)
    {
        var more = count > Named ? ", …" : "";
        var number = count >= Most ? $"{Most.ToString("N0", CultureInfo.InvariantCulture)} or more" : count.ToString("N0", CultureInfo.InvariantCulture);
        return $"{number} {(count == 1 ? "record" : "records")} ({string.Join("; ", keys.Take(Named))}{more})";
    }
}
