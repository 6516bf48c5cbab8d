using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>A stand-alone process, put together: its timetable, its database if it has one, its lease if it wants one.</summary>
/// <param name="Options">What the program says.</param>
/// <param name="Code">What it does again and again.</param>
internal sealed record StandAlone(StandAloneOptions Options, Func<StandAloneRun, CancellationToken, Task> Code)
{
    // The code runs once at a time, but may do several things at once.
    private const int CodeConnections = 20;
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(365);

    /// <summary>How often it runs where the command line says so; null: as the program says.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>Whether one run is all.</summary>
    public bool IsOnce { get; init; }

    /// <summary>Checks everything that can be checked without a database, and makes the timetable.</summary>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public Timetable Check(bool hasDatabase, TimeProvider time)
    {
        var errors = new List<string>();
        if (!JobValidation.Identifier.IsMatch(Options.Name)) errors.Add($"Name must be {JobValidation.IdentifierForm}, got '{Options.Name}'.");
        if (!JobValidation.Identifier.IsMatch(Options.Cluster)) errors.Add($"Cluster must be {JobValidation.IdentifierForm}, got '{Options.Cluster}'.");
        Range(errors, nameof(Options.Delay), Options.Delay, TimeSpan.Zero, LongestDelay);
        Range(errors, nameof(Options.ShutdownTimeout), Options.ShutdownTimeout, TimeSpan.Zero, TimeSpan.FromHours(24));
        if (Options.MaxDuration is { } most) Range(errors, nameof(Options.MaxDuration), most, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        Range(errors, nameof(Options.Lease), Options.Lease, TimeSpan.FromSeconds(3), TimeSpan.FromHours(1));
        if (Options.Backoff is null) errors.Add("Backoff must not be null: use Backoff.None for no delay.");
        if (Options.Log is { } log && string.IsNullOrWhiteSpace(log)) errors.Add("Log must be yes, no or the path of a file or folder, got an empty text.");
        if (Options.SingleInstance && !hasDatabase)
            errors.Add($"SingleInstance needs a database, in which the processes of the name '{Options.Name}' see each other. Give one with --db, PAMPA_DATABASE_URL or Database; or set SingleInstance to false.");
        var timetable = Delay is null && Options.Schedule is { } schedule
            ? Timetable.By(schedule, Options.TimeZone, time, errors, Options.Name)
            : Timetable.EverySo(Delay ?? Options.Delay, time);
        return errors.Count == 0 ? timetable! : throw new PampaConfigurationException(errors);
    }

    private static void Range(List<string> errors, string what, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max) errors.Add($"{what} must be between {min} and {max}, got {value}.");
    }

    /// <summary>Runs until told to stop. Returns the exit code.</summary>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public async Task<int> RunAsync(DatabaseAddress? address, Surroundings surroundings, CancellationToken stopping)
    {
        var (logs, time, random) = surroundings;
        var parts = new StandAloneParts(Options.Name, Code, Options.OnStart, Check(address is not null, time))
        {
            IsOnce = IsOnce,
            StopsOnError = Options.StopOnError,
            Backoff = Options.Backoff,
            ShutdownTimeout = Options.ShutdownTimeout,
            MaxDuration = Options.MaxDuration,
        };
        if (address is null) return await new StandAloneProcess(parts, surroundings).RunAsync(stopping);
        var dialect = address.Dialect;
        var log = logs.CreateLogger("Pampa");
        var health = new DatabaseHealth(dialect, address.Description, log, time);
        var name = $"pampa/{Options.Cluster}/{Options.Name}";
        // After the preparation it is the lease's own.
        await using var database = new Database(dialect.Open(address.ConnectionString, name, 1), dialect, time, random) { Answered = health.Worked };
        var preparation = new Preparation(database, address, SchemaChanges.Own, time) { Waits = line => Log.Waits(log, line) };
        await preparation.ConnectAsync(Options.SingleInstance, stopping);
        await using var source = dialect.OpenPlain(address.ConnectionString, $"{name}/code", CodeConnections);
        database.Failed = e => dialect.Forget(source, e);
        using var instance = Options.SingleInstance
            ? new SingleInstance(new ClusterStore(database, Options.Cluster), Options.Name, Options.Lease, Failed, time)
            : null;
        return await new StandAloneProcess(parts with { Instance = instance, Database = source }, surroundings).RunAsync(stopping);

        void Failed(Exception error)
        {
            // Others were first: the next look tries again.
            if (dialect.Classify(error) is not (ErrorKind.Retry or ErrorKind.Locked)) health.Failed(error);
        }
    }
}
