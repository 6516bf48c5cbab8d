using System.Data.Common;
using System.Runtime.CompilerServices;
using Pampa.Jobs;

namespace Pampa;

/// <summary>
/// What a schedule is like: <c>pampa.AddSchedule("nightly", "0 3 * * *", schedule =&gt; { … });</c> Everything that is wrong is told before
/// anything starts, all at once.
/// </summary>
public sealed class ScheduleBuilder
{
    private readonly List<TickStep> steps = [];
    private readonly string expression;

    internal ScheduleBuilder(string name, string expression)
    {
        Name = name;
        this.expression = expression;
    }

    /// <summary>The schedule's name: 1 to 64 letters, digits, <c>.</c>, <c>_</c> or <c>-</c>, unique in the program.</summary>
    public string Name { get; }

    /// <summary>
    /// The time zone whose clocks the expression means, by its name: <c>Europe/Madrid</c>. Default <c>UTC</c>. Where clocks are put
    /// forward, a time that is left out comes at the next one there is; where they are put back, a time of the day comes once, and what
    /// comes every so many minutes or hours goes on through both.
    /// </summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>What becomes of ticks that were missed. Default <see cref="Pampa.Misfire.Once"/>.</summary>
    public Misfire Misfire { get; set; } = Misfire.Once;

    /// <summary>
    /// How late a tick may be without being missed. 1 s to 3,650 days; default null: a minute, or twice <see
    /// cref="PampaBuilder.LeaderLease"/> where that is longer, so that a change of the leader costs no tick.
    /// </summary>
    public TimeSpan? Grace { get; set; }

    /// <summary>How many ticks <see cref="Misfire.All"/> makes up for at most. 1 to 1,000; default 100.</summary>
    public int MisfireLimit { get; set; } = 100;

    /// <summary>
    /// How long a tick may take: a statement is given up then, and code has its token cancelled; both count as a failure. 1 s to 1 h;
    /// default a minute. What takes longer belongs into the handler of a job.
    /// </summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long a tick that has failed waits before it is tried again, by the number of failures in a row. Default 5 s, twice as long
    /// each time, at most 10 minutes.
    /// </summary>
    public Backoff Backoff { get; set; } = Backoff.Exponential(TimeSpan.FromSeconds(5), 2, TimeSpan.FromMinutes(10));

    /// <summary>
    /// A statement that a tick runs: <c>schedule.Do(tick =&gt; $"INSERT INTO reports (day) VALUES ({tick.Date})")</c>. Several add up, in
    /// their order, with the code of the other overloads. All of it and the mark that the tick is done are one transaction: exactly
    /// once for each tick, whatever happens to the process, to the leader or to an answer.
    /// </summary>
    /// <param name="statement">
    /// Called for each tick, and again where others were in the way; at the start, too, with some moment, so that a statement which the
    /// database does not accept is found before anything runs. It must only make the statement.
    /// </param>
    [OverloadResolutionPriority(1)]
    public void Do(Func<ScheduleTick, Sql> statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        steps.Add(new TickStep(statement, null));
    }

    /// <summary>
    /// Code that a tick runs, with the transaction: what it writes there and the mark that the tick is done are committed together or
    /// not at all. It may run several times for one tick, of which one commits, where others get in its way or the leader changes:
    /// calls to anything but this database need <see cref="ScheduleTick.IdempotencyKey"/>. It should be quick.
    /// </summary>
    /// <param name="code">
    /// Gets the tick, the open connection and its transaction: those of Npgsql on PostgreSQL and CockroachDB, of Microsoft.Data.Sqlite
    /// on SQLite. Commands must carry the transaction. It must neither commit, roll back nor close: such a tick has failed.
    /// </param>
    [OverloadResolutionPriority(2)]
    public void Do(Func<ScheduleTick, DbConnection, DbTransaction, Task> code)
    {
        ArgumentNullException.ThrowIfNull(code);
        steps.Add(new TickStep(null, new TickCode(code)));
    }

    /// <inheritdoc cref="Do(Func{ScheduleTick, DbConnection, DbTransaction, Task})"/>
    [OverloadResolutionPriority(0)]
    public void Do(Action<ScheduleTick, DbConnection, DbTransaction> code)
    {
        ArgumentNullException.ThrowIfNull(code);
        Do((tick, connection, transaction) =>
        {
            code(tick, connection, transaction);
            return Task.CompletedTask;
        });
    }

    /// <summary>Checks everything that can be checked without a database; errors are added to the list.</summary>
    internal ScheduleDefinition? Build(List<string> errors, bool needsCode, TimeSpan leaderLease)
    {
        var wrong = new List<string>();
        ScheduleValidation.Check(this, steps.Count, needsCode, wrong);
        var zone = ScheduleValidation.FindZone(TimeZone, wrong);
        var times = zone is null ? null : CronTimes.Parse(expression, zone, Name, out var error) ?? Told(error);
        errors.AddRange(wrong.Select(w => $"Schedule '{Name}': {w}."));
        if (wrong.Count > 0) return null;
        return new ScheduleDefinition(Name, expression, zone!, times!)
        {
            ZoneName = TimeZone,
            Misfire = Misfire,
            MisfireLimit = MisfireLimit,
            Grace = Grace ?? ScheduleValidation.UsualGrace(leaderLease),
            MaxDuration = MaxDuration,
            Backoff = Backoff,
            Steps = [.. steps],
        };

        CronTimes? Told(string error)
        {
            wrong.Add($"its expression {error}");
            return null;
        }
    }
}

/// <summary>Code that a tick runs.</summary>
internal delegate Task TickCode(ScheduleTick tick, DbConnection connection, DbTransaction transaction);
