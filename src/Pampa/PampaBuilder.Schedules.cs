using Pampa.Jobs;

namespace Pampa;

/// <content>What comes by the clock.</content>
public sealed partial class PampaBuilder
{
    private readonly List<ScheduleBuilder> schedules = [];

    /// <summary>
    /// Adds a schedule: at each time of a cron expression the leading dispatcher runs its statements or its code, which put records into
    /// the tables of jobs. Each tick is done exactly once in the cluster, also when leaders change; what was missed while nobody led is
    /// made up for as <see cref="ScheduleBuilder.Misfire"/> says. A schedule that is new begins with its next time.
    /// </summary>
    /// <param name="name">Unique in the program; see <see cref="ScheduleBuilder.Name"/>.</param>
    /// <param name="expression">
    /// Five fields (minute, hour, day, month, day of the week), six with seconds first, or a word as <c>@hourly</c>: <c>0 3 * * *</c> is
    /// three o'clock, <c>*/10 * * * *</c> every ten minutes, <c>H 3 * * *</c> a minute after three that follows from the name.
    /// </param>
    /// <param name="schedule">Fills in the rest: at least what a tick does.</param>
    public void AddSchedule(string name, string expression, Action<ScheduleBuilder> schedule)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(schedule);
        var builder = new ScheduleBuilder(name, expression);
        schedule(builder);
        schedules.Add(builder);
    }

    /// <summary>The schedules, once they are checked.</summary>
    internal IReadOnlyList<ScheduleDefinition> Schedules { get; private set; } = [];

    private void BuildSchedules(List<string> errors, bool needsCode)
    {
        foreach (var twice in schedules.GroupBy(s => s.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
            errors.Add($"Schedule '{twice.Key}' is added {twice.Count()} times; names must differ.");
        Schedules = [.. schedules.Select(s => s.Build(errors, needsCode, LeaderLease)).OfType<ScheduleDefinition>()];
    }
}
