using System.Text.RegularExpressions;

namespace Pampa.Jobs;

/// <summary>The rules for a job that need no database. Every broken one is reported, in the words of the API.</summary>
internal static partial class JobValidation
{
    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z")]
    public static partial Regex Identifier { get; }

    /// <summary>The same in words.</summary>
    public const string IdentifierForm = "1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit";

    public static void Check(JobDefinition job, ICollection<string> errors)
    {
        if (!Identifier.IsMatch(job.Name))
            errors.Add($"the name must be {IdentifierForm}");
        if (string.IsNullOrWhiteSpace(job.Table)) errors.Add("table must name a table, got an empty text");
        if (job.Key.Count == 0 || job.Key.Any(string.IsNullOrWhiteSpace))
            errors.Add("key must name the column or columns that identify a record, got an empty one");
        if (job.Key.Distinct(StringComparer.Ordinal).Count() != job.Key.Count)
            errors.Add($"key must name different columns, got {string.Join(", ", job.Key)}");
        Range(errors, "QueueSize", job.QueueSize, 1, 1_000);
        Range(errors, "MaxQueueSize", job.MaxQueueSize, Math.Max(1, job.QueueSize), Limits.ReserveRows);
        Range(errors, "MaxAttempts", job.MaxAttempts, 1, Limits.Attempts);
        Range(errors, "Weight", job.Weight, 1, 1_000);
        Range(errors, "MaxPendingTasks", job.MaxPendingTasks, 1, int.MaxValue);
        if (job.MaxAssignedWorkers is { } workers) Range(errors, "MaxAssignedWorkers", workers, 1, int.MaxValue);
        if (job.MaxDuration < Limits.ShortestDuration || job.MaxDuration > Limits.LongestDuration)
            errors.Add($"MaxDuration must be between 1 second and 45 days, got {job.MaxDuration}");
        if (job.MaxWait is { } wait && (wait < Limits.ShortestDuration || wait > Limits.LongestDuration))
            errors.Add($"MaxWait must be between 1 second and 45 days, got {wait}");
        CheckBatch(job, errors);
        CheckBackoff(job, errors);
        CheckRelaunching(job.Relaunching, errors);
        CheckSelecting(job, errors);
        CheckOrder(job, errors);
        CheckFilter(job.WorkerFilter, errors);
        CheckColumns(job.Columns, errors);
    }

    private static void Range(ICollection<string> errors, string what, int value, int min, int max)
    {
        if (value >= min && value <= max) return;
        errors.Add(max == int.MaxValue
            ? $"{what} must be at least {min}, got {value}"
            : FormattableString.Invariant($"{what} must be between {min:N0} and {max:N0}, got {value:N0}"));
    }

    private static void CheckBatch(JobDefinition job, ICollection<string> errors)
    {
        if (job.Handler.Batch is not { } batch)
        {
            if (job.MaxBatchWait != TimeSpan.Zero) errors.Add("MaxBatchWait says how long a batch may wait to fill, and there is none: call ProcessBatch, or leave it out");
            return;
        }
        if (batch.Size < 1 || batch.Size > job.MaxQueueSize)
            errors.Add(FormattableString.Invariant($"the size of ProcessBatch must be between 1 and MaxQueueSize, which is {job.MaxQueueSize:N0}, got {batch.Size:N0}"));
        if (batch.Size > 1 && job.MaxAttempts == 1)
            errors.Add("ProcessBatch needs MaxAttempts of 2 or more, got 1: a process that dies costs every record of its batch an attempt, and all of them would have failed by one. Allow two, or use Process");
        if (job.MaxBatchWait < TimeSpan.Zero || job.MaxBatchWait > Limits.LongestBatchWait)
            errors.Add($"MaxBatchWait must be between {TimeSpan.Zero} and {Limits.LongestBatchWait}, got {job.MaxBatchWait}");
    }

    private static void CheckBackoff(JobDefinition job, ICollection<string> errors)
    {
        if (job.Backoff is null)
        {
            errors.Add("Backoff must not be null: use Backoff.None for no delay");
            return;
        }
        try
        {
            for (var attempt = 1; attempt <= Math.Min(job.MaxAttempts, Limits.Attempts); attempt++) job.Backoff.DelayAfter(attempt);
        }
        catch (Exception e)
        {
            errors.Add($"Backoff must give a delay for each attempt up to MaxAttempts, but it throws: {e.Message.TrimEnd('.')}");
        }
    }

    private static void CheckRelaunching(Relaunching? relaunching, ICollection<string> errors)
    {
        if (relaunching is null) return;
        if (relaunching.After is { } after && (after < TimeSpan.FromSeconds(1) || after > Limits.LongestDelay))
            errors.Add($"RelaunchAfter must be between 1 second and 3,650 days, got {after}");
        if (relaunching.Jitter is not (>= 0 and <= 1))
            errors.Add(FormattableString.Invariant($"RelaunchJitter must be between 0 and 1, got {relaunching.Jitter}"));
        if (relaunching is { FailedToo: true, HasRule: false })
            errors.Add("RelaunchFailed says which records RelaunchAfter and RelaunchWhere are for, and neither is set: set one of them");
    }

    private static void CheckOrder(JobDefinition job, ICollection<string> errors)
    {
        if (job.PriorityColumn is { } priority && string.IsNullOrWhiteSpace(priority)) errors.Add("PriorityColumn must name a column, got an empty text");
        if (job.DueColumn is { } due && string.IsNullOrWhiteSpace(due)) errors.Add("DueColumn must name a column, got an empty text");
        if (job.Sequence is { } sequence && (sequence.Columns.Count == 0 || sequence.Columns.Any(string.IsNullOrWhiteSpace)))
            errors.Add("InSequenceBy must name a column or several, got an empty one");
    }

    private static void CheckSelecting(JobDefinition job, ICollection<string> errors)
    {
        if (job.Selecting is not { } selecting) return;
        if (job.PriorityColumn is not null) errors.Add("Select names the records in order, so PriorityColumn has no meaning beside it: put the priority into Select");
        if (job.OrderBy is not null) errors.Add("Select names the records in order, so OrderBy has no meaning beside it: put the order into Select, or use Where and OrderBy without it");
        if (selecting.Statement is not { } statement) return;
        Sql text;
        try
        {
            text = statement();
        }
        catch (Exception e)
        {
            errors.Add($"SelectEachCycle throws {e.GetType().Name}: {e.Message.TrimEnd('.')}");
            return;
        }
        if (!Selecting.NamesCount(text)) errors.Add($"Select must say how many keys are wanted, with @n: end it with LIMIT @n. It is \"{text}\"");
    }

    private static void CheckFilter(string? filter, ICollection<string> errors)
    {
        if (filter is null) return;
        try
        {
            _ = new Regex(filter, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            errors.Add($"WorkerFilter must be a regular expression without look-around and back-references, got '{filter}': {e.Message.TrimEnd('.')}");
        }
    }

    private static void CheckColumns(TaskColumns columns, ICollection<string> errors)
    {
        var names = new List<(string Property, string? Name)>
        {
            ("ReservationId", columns.ReservationId), ("ReservationTime", columns.ReservationTime),
            ("ReservationTimes", columns.ReservationTimes), ("StartTime", columns.StartTime), ("EndTime", columns.EndTime),
            ("Success", columns.Success), ("ErrorDescription", columns.ErrorDescription),
        };
        if (columns.Generation is not null) names.Add(("Generation", columns.Generation));
        foreach (var (property, name) in names)
        {
            if (string.IsNullOrWhiteSpace(name)) errors.Add($"Columns.{property} must name a column, got an empty text");
        }
        foreach (var twice in names.Where(n => n.Name is not null).GroupBy(n => n.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            errors.Add($"Columns.{string.Join(" and Columns.", twice.Select(n => n.Property))} both name '{twice.Key}'; each needs a column of its own");
    }
}
