using System.Globalization;

namespace Pampa.Jobs;

/// <summary>What one job's part of a process measures. Where nobody listens each of these is a look at a flag.</summary>
internal sealed class JobMeter(string job)
{
    // What a process without workers is called elsewhere, too.
    private volatile string node = NoNode;

    /// <summary>The name of a process that has no workers.</summary>
    public const string NoNode = "dispatcher";

    /// <summary>The name under which the process's workers are registered, once they are.</summary>
    public string NodeName
    {
        set => node = value;
    }

    public KeyValuePair<string, object?> Job => new(Instruments.JobTag, job);

    public KeyValuePair<string, object?> Node => new(Instruments.NodeTag, node);

    /// <summary>An attempt is over.</summary>
    public void Attempted(string outcome)
    {
        if (Instruments.Attempts.Enabled) Instruments.Attempts.Add(1, Job, Node, Outcome(outcome));
    }

    /// <summary>The handler of so many tasks has ended; each took so long.</summary>
    public void Ran(TimeSpan each, string outcome, int tasks = 1)
    {
        if (!Instruments.Duration.Enabled) return;
        for (var i = 0; i < tasks; i++) Instruments.Duration.Record(each.TotalSeconds, Job, Node, Outcome(outcome));
    }

    /// <summary>A task begins: when it was reserved and started, as the database wrote it.</summary>
    public void Waited(string reservedAt, string startedAt)
    {
        if (!Instruments.Wait.Enabled || Moment(reservedAt) is not { } reserved || Moment(startedAt) is not { } started) return;
        // The one is the transaction's time and the other the clock's; a column may keep fewer digits of either.
        Instruments.Wait.Record(Math.Max(0, (started - reserved).TotalSeconds), Job, Node);
    }

    /// <summary>A task begins for the first time: from when on it was due by a column of its own, and when it was started.</summary>
    public void Queued(object? dueAt, string startedAt)
    {
        if (!Instruments.Queue.Enabled || Moment(startedAt) is not { } started) return;
        DateTimeOffset? due = dueAt switch
        {
            DateTime time => new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)),
            DateTimeOffset time => time,
            string text => Moment(text),
            _ => null,
        };
        if (due is { } moment) Instruments.Queue.Record(Math.Max(0, (started - moment).TotalSeconds), Job, Node);
    }

    /// <summary>A statement has reserved, started or finished so many records.</summary>
    public void Wrote(string step, int rows)
    {
        if (rows > 0 && Instruments.Batch.Enabled) Instruments.Batch.Record(rows, Job, Node, new KeyValuePair<string, object?>(Instruments.StepTag, step));
    }

    /// <summary>Tasks were taken back.</summary>
    public void TookBack(int released, int again, int failed)
    {
        if (!Instruments.Reclaimed.Enabled) return;
        foreach (var (count, outcome) in ((int, string)[])[(released, "released"), (again, "retry"), (failed, "failed")])
        {
            if (count > 0) Instruments.Reclaimed.Add(count, Job, Node, Outcome(outcome));
        }
    }

    private static KeyValuePair<string, object?> Outcome(string outcome) => new(Instruments.OutcomeTag, outcome);

    private static DateTimeOffset? Moment(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) ? moment : null;
}
