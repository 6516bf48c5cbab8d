using System.Globalization;
using Microsoft.Extensions.Configuration;
using Pampa.Jobs;

namespace Pampa.Hosting;

/// <summary>
/// The configuration's section <c>Pampa</c>: what it says goes before what the code says, so that a program can be tuned
/// where it runs. A name that is not known is an error, for it would be a limit that nobody keeps.
/// </summary>
internal sealed class Settings(IConfiguration section, ICollection<string> errors)
{
    public const string Section = "Pampa";

    public static void Apply(IConfiguration configuration, PampaBuilder program, ICollection<string> errors)
    {
        var jobs = configuration.GetSection(Section).GetSection("Jobs");
        var nodes = configuration.GetSection(Section).GetSection("Nodes");
        new Settings(configuration.GetSection(Section), errors).Apply(Section, new(StringComparer.OrdinalIgnoreCase)
        {
            [nameof(program.Cluster)] = s => program.Cluster = s.Text(),
            [nameof(program.Database)] = s => program.Database = s.Text(),
            [nameof(program.Workers)] = s => program.Workers = s.Whole(program.Workers),
            [nameof(program.NodeName)] = s => program.NodeName = s.Text(),
            [nameof(program.RunsDispatcher)] = s => program.RunsDispatcher = s.Flag(program.RunsDispatcher),
            [nameof(program.ShutdownTimeout)] = s => program.ShutdownTimeout = s.Duration(program.ShutdownTimeout),
            [nameof(program.PollInterval)] = s => program.PollInterval = s.Duration(program.PollInterval),
            [nameof(program.WorkerLease)] = s => program.WorkerLease = s.Duration(program.WorkerLease),
            [nameof(program.LeaderLease)] = s => program.LeaderLease = s.Duration(program.LeaderLease),
            [nameof(program.AuditRetention)] = s => program.AuditRetention = s.Retention(program.AuditRetention),
            ["Nodes"] = _ => { },
            ["Jobs"] = _ => { },
        });
        foreach (var one in nodes.GetChildren())
        {
            // One that the code does not know is declared here.
            program.SetNode(one.Key, workers => workers);
            new Settings(one, errors).Apply($"{Section}:Nodes:{one.Key}", OfNode(program, one.Key));
        }
        foreach (var one in jobs.GetChildren())
        {
            var job = program.Jobs.FirstOrDefault(j => string.Equals(j.Name, one.Key, StringComparison.OrdinalIgnoreCase));
            if (job is null)
                errors.Add($"{Section}:Jobs:{one.Key}: there is no such job{Suggestion.For(one.Key, program.Jobs.Select(j => j.Name))}; jobs are {string.Join(", ", program.Jobs.Select(j => j.Name))}.");
            else
                new Settings(one, errors).Apply($"{Section}:Jobs:{one.Key}", OfJob(job));
        }
    }

    /// <summary>The same of a program that has no host: what its environment says, as <c>Pampa__Jobs__NAME__SETTING</c>.</summary>
    public static void Apply(IEnumerable<KeyValuePair<string, string?>> environment, PampaBuilder program, ICollection<string> errors)
    {
        var own = new EnvironmentSection(environment, Section);
        if (!own.IsEmpty) Apply(own, program, errors);
    }

    private static Dictionary<string, Action<Setting>> OfNode(PampaBuilder program, string name) => new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(program.Workers)] = s => program.SetNode(name, workers => s.Whole(workers ?? 1)),
        [nameof(WorkerLimits.MaxRam)] = s => program.SetLimits(name, limits => s.Limit(limits, (of, value) => of with { MaxRam = value })),
        [nameof(WorkerLimits.MaxCpu)] = s => program.SetLimits(name, limits => s.Limit(limits, (of, value) => of with { MaxCpu = value })),
        [nameof(WorkerLimits.MaxDiskIo)] = s => program.SetLimits(name, limits => s.Limit(limits, (of, value) => of with { MaxDiskIo = value })),
        [nameof(WorkerLimits.MaxNetIo)] = s => program.SetLimits(name, limits => s.Limit(limits, (of, value) => of with { MaxNetIo = value })),
    };

    private static Dictionary<string, Action<Setting>> OfJob(JobBuilder job) => new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(job.MaxAssignedWorkers)] = s => job.MaxAssignedWorkers = s.Whole(job.MaxAssignedWorkers ?? 0),
        [nameof(job.MaxPendingTasks)] = s => job.MaxPendingTasks = s.Whole(job.MaxPendingTasks),
        [nameof(job.Weight)] = s => job.Weight = s.Whole(job.Weight),
        [nameof(job.CaptureLog)] = s => job.CaptureLog = s.Flag(job.CaptureLog),
        [nameof(job.WakeOnInsert)] = s => job.WakeOnInsert = s.Flag(job.WakeOnInsert),
        [nameof(job.WorkerFilter)] = s => job.WorkerFilter = s.Text(),
        [nameof(job.QueueSize)] = s => job.QueueSize = s.Whole(job.QueueSize),
        [nameof(job.MaxQueueSize)] = s => job.MaxQueueSize = s.Whole(job.MaxQueueSize ?? 0),
        [nameof(job.MaxBatchWait)] = s => job.MaxBatchWait = s.Duration(job.MaxBatchWait),
        [nameof(job.MaxDuration)] = s => job.MaxDuration = s.Duration(job.MaxDuration),
        [nameof(job.MaxWait)] = s => job.MaxWait = s.Wait(job.MaxWait),
        [nameof(job.FinishBy)] = s => s.Goal(job),
        [nameof(job.MinProgramVersion)] = s => job.MinProgramVersion = s.Version(job.MinProgramVersion),
        [nameof(job.MaxAttempts)] = s => job.MaxAttempts = s.Whole(job.MaxAttempts),
        [nameof(job.RelaunchAfter)] = s => job.RelaunchAfter = s.Duration(job.RelaunchAfter ?? TimeSpan.FromSeconds(1)),
        [nameof(job.RelaunchJitter)] = s => job.RelaunchJitter = s.Number(job.RelaunchJitter),
        [nameof(job.RelaunchFailed)] = s => job.RelaunchFailed = s.Flag(job.RelaunchFailed),
        [nameof(job.Backoff)] = s => job.Backoff = s.Backoff(job.Backoff),
    };

    private void Apply(string path, Dictionary<string, Action<Setting>> known)
    {
        foreach (var child in section.GetChildren())
        {
            if (known.TryGetValue(child.Key, out var set)) set(new Setting($"{path}:{child.Key}", child, errors));
            else errors.Add($"{path}:{child.Key}: there is no such setting{Suggestion.For(child.Key, known.Keys)}; settings are {string.Join(", ", known.Keys)}.");
        }
    }

    /// <summary>One value of the configuration; one that does not fit is an error and changes nothing.</summary>
    private sealed class Setting(string path, IConfigurationSection section, ICollection<string> errors)
    {
        private readonly string value = section.Value ?? "";

        public string Text() => value;

        public int Whole(int otherwise)
        {
            if (int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return number;
            return Wrong("a whole number", otherwise);
        }

        public bool Flag(bool otherwise) => bool.TryParse(value, out var flag) ? flag : Wrong("true or false", otherwise);

        // A bare number would be days, which nobody means.
        public TimeSpan Duration(TimeSpan otherwise) =>
            value.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var duration)
                ? duration
                : Wrong("a duration like 00:00:30 (hours, minutes, seconds)", otherwise);

        public TimeSpan? Wait(TimeSpan? otherwise)
        {
            var wrong = errors.Count;
            var wait = Duration(TimeSpan.Zero);
            if (errors.Count > wrong) return otherwise;
            return wait >= Limits.ShortestDuration && wait <= Limits.LongestDuration ? wait : Wrong("between 1 second and 45 days", otherwise);
        }

        public TimeSpan? Retention(TimeSpan? otherwise) =>
            value.Equals("forever", StringComparison.OrdinalIgnoreCase) ? null : Duration(otherwise ?? Limits.UsualAuditRetention);

        public string? Version(string? otherwise) =>
            ProgramVersion.TryParse(value) is not null ? value : Wrong("a version like 2.3 or 2.3.1-rc.1", otherwise);

        /// <summary>A time of each day, with the name of its time zone behind it where it is not UTC; or a moment.</summary>
        public void Goal(JobBuilder job)
        {
            var parts = value.Split(' ', 2, StringSplitOptions.TrimEntries);
            var zone = parts.Length > 1 ? parts[1] : "UTC";
            if (TimeOnly.TryParseExact(parts[0], ["HH:mm", "HH:mm:ss"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            {
                var wrong = new List<string>();
                if (ScheduleValidation.FindZone(zone, wrong) is not null) job.FinishBy(time, zone);
                foreach (var error in wrong) errors.Add($"{path}: {error}.");
            }
            // Without its offset a moment would be another one on each computer.
            else if (DateTimeOffset.TryParseExact(value, ["yyyy-MM-ddTHH:mmK", "yyyy-MM-ddTHH:mm:ssK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
                && (value.EndsWith('Z') || value.LastIndexOfAny(['+', '-']) > value.IndexOf('T', StringComparison.Ordinal)))
            {
                job.FinishBy(moment);
            }
            else
            {
                Wrong("a time of day like 08:00 or '08:00 Europe/Madrid', or a moment with its offset like 2026-12-01T08:00:00Z", 0);
            }
        }

        public WorkerLimits Limit(WorkerLimits otherwise, Func<WorkerLimits, int, WorkerLimits> set)
        {
            var wrong = errors.Count;
            var amount = Whole(0);
            if (errors.Count > wrong) return otherwise;
            // They begin with the limit's name, which is the end of the path.
            foreach (var error in set(new WorkerLimits(), amount).Errors()) errors.Add($"{path[..path.LastIndexOf(':')]}:{error}.");
            return errors.Count > wrong ? otherwise : set(otherwise, amount);
        }

        public double Number(double otherwise) =>
            double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : Wrong("a number", otherwise);

        /// <summary>An exponential one; what is not said is as in the default, whatever the code has.</summary>
        public Backoff Backoff(Backoff otherwise)
        {
            if (value.Length > 0) return Wrong("a section with First, Factor or Max", otherwise);
            var (first, factor, max) = (TimeSpan.FromSeconds(5), 4.0, TimeSpan.FromHours(1));
            new Settings(section, errors).Apply(path, new(StringComparer.OrdinalIgnoreCase)
            {
                ["First"] = s => first = s.Duration(first),
                ["Factor"] = s => factor = s.Number(factor),
                ["Max"] = s => max = s.Duration(max),
            });
            var wrong = errors.Count;
            if (first < TimeSpan.Zero) errors.Add($"{path}:First must be at least 00:00:00, got {first}.");
            if (!double.IsFinite(factor) || factor < 1)
                errors.Add(FormattableString.Invariant($"{path}:Factor must be a number from 1 on, got {factor}."));
            if (max < first) errors.Add($"{path}:Max must be at least First, which is {first}, got {max}.");
            return errors.Count == wrong ? Pampa.Backoff.Exponential(first, factor, max) : otherwise;
        }

        private T Wrong<T>(string expected, T otherwise)
        {
            errors.Add($"{path} must be {expected}, got '{value}'.");
            return otherwise;
        }
    }
}
