namespace Pampa;

/// <summary>
/// What a stand-alone process is like: <c>new StandAloneOptions { Name = "mirror", Delay = TimeSpan.FromMinutes(5) }</c>.
/// Everything that is wrong is told before anything starts, all at once, and the process ends with exit code 2.
/// </summary>
public sealed class StandAloneOptions
{
    /// <summary>
    /// What the process is called: in its log, as the name of its log file, and where <see cref="SingleInstance"/> looks
    /// for another one. 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c>.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>
    /// From the start of one run to the start of the next; a run that takes longer is followed by the next at once. Zero
    /// to 365 days; default 30 s. <c>--delay</c> goes first.
    /// </summary>
    public TimeSpan Delay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// When runs start, instead of <see cref="Delay"/>: a cron expression of five fields (minute, hour, day, month, day of
    /// the week), of six with seconds first, or a word as <c>@hourly</c>. Times that pass while a run is at work, or while the
    /// process is not there, are left out. Default null: by the delay.
    /// </summary>
    public string? Schedule { get; set; }

    /// <summary>
    /// The time zone of <see cref="Schedule"/>. Default UTC, which is the same on all computers. Where clocks are put
    /// forward, a time that is left out comes at the next one there is; where they are put back, a time of the day comes once.
    /// </summary>
    public TimeZoneInfo TimeZone { get; set; } = TimeZoneInfo.Utc;

    /// <summary>
    /// Whether to run once, at once, and end: with exit code 0, or with 1 where the run failed, or with 3 where the process was stopped before the run was
    /// done. Default false. <c>--once</c> does it, too.
    /// </summary>
    public bool Once { get; set; }

    /// <summary>
    /// Whether the process ends, with exit code 1, when a run throws. Default false: the error is logged, and the next run
    /// starts when it is due, but not before <see cref="Backoff"/> allows it.
    /// </summary>
    public bool StopOnError { get; set; }

    /// <summary>
    /// How long nothing starts after a run that threw, by the number of runs that did so in a row. Default 5 s, twice as
    /// long each time, at most 10 minutes.
    /// </summary>
    public Backoff Backoff { get; set; } = Backoff.Exponential(TimeSpan.FromSeconds(5), 2, TimeSpan.FromMinutes(10));

    /// <summary>
    /// Whether only one process of this name runs in the cluster at a time. It needs a database. Others stand by, say so in
    /// one line, and take over when that one ends or dies. It is a lease: where it is lost the run's token is cancelled,
    /// before another process may start. Default false.
    /// </summary>
    public bool SingleInstance { get; set; }

    /// <summary>
    /// How long a process that is not heard of keeps the lease of <see cref="SingleInstance"/>, by the database's clock.
    /// It is renewed three times as often. 3 s to 1 h; default 15 s.
    /// </summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The cluster in which <see cref="SingleInstance"/> looks for another process of this name. 1 to 64 letters, digits,
    /// <c>.</c>, <c>_</c> or <c>-</c>; default <c>pampa</c>.
    /// </summary>
    public string Cluster { get; set; } = "pampa";

    /// <summary>
    /// The database's address where nothing outside of the program names one, as <see cref="PampaBuilder.Database"/>.
    /// Default null: the process has no database, unless <c>--db</c>, <c>PAMPA_DATABASE_URL</c> or
    /// <c>ConnectionStrings__Pampa</c> names one.
    /// </summary>
    public string? Database { get; set; }

    /// <summary>
    /// Whether the log goes to a file, too: <c>yes</c> for <c>NAME.log</c> in the current folder, <c>no</c>, or the path of
    /// a file or folder. Default null: no. <c>--log</c> goes first.
    /// </summary>
    public string? Log { get; set; }

    /// <summary>
    /// How long a run may take: then its token is cancelled, and a run that ends by that has failed. Code that does not look at its token goes on
    /// all the same, and is told of in the log. 1 s to 30 days. Default null: as long as it does; one that takes more than ten minutes, and three
    /// times as long as any before it, is told of.
    /// </summary>
    public TimeSpan? MaxDuration { get; set; }

    /// <summary>
    /// How long a run may go on after its token was cancelled because the process stops. Zero to 24 h; default 30 s.
    /// </summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Code that runs once at the start, when the database is there and before anything else; its <see
    /// cref="StandAloneRun.Number"/> is 0. If it throws, the process ends with exit code 2. At a stop its token is cancelled
    /// and it is not waited for, which is no error. Default null: none.
    /// </summary>
    public Func<StandAloneRun, CancellationToken, Task>? OnStart { get; set; }
}
