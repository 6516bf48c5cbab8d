using Pampa.Jobs;

namespace Pampa;

/// <content>Until when the work shall be done.</content>
public sealed partial class JobBuilder
{
    private FinishGoal? finishBy;

    /// <summary>What another program has published.</summary>
    internal FinishGoal? PublishedGoal
    {
        set => finishBy = value;
    }

    /// <summary>
    /// How long a task may wait for its end. From it and how long tasks take follows how many workers the job needs (<see
    /// cref="PampaCluster.ScaleAsync(string, bool, CancellationToken)"/>): it is a signal for whoever starts nodes, and <c>status</c> says whether
    /// the job is early or late. With <c>FinishBy</c> as well the shorter time counts. 1 s to 45 days; default null: as long as it must.
    /// </summary>
    public TimeSpan? MaxWait { get; set; }

    /// <summary>
    /// All work shall be done each day at this time, for example at 08:00 before people come. As <see cref="MaxWait"/>. The work of before
    /// that is not done by then is late until it is done once; then the time of the next day counts.
    /// </summary>
    /// <param name="time">The time of day.</param>
    /// <param name="timeZone">The name of the time zone in which it is that time, for example <c>Europe/Madrid</c>. Default UTC.</param>
    public void FinishBy(TimeOnly time, string timeZone = "UTC")
    {
        var wrong = new List<string>();
        if (ScheduleValidation.FindZone(timeZone, wrong) is { } zone) finishBy = new FinishGoal(null, time, zone);
        errors.AddRange(wrong.Select(e => $"FinishBy: {e}"));
    }

    /// <summary>All work shall be done at a moment. As <see cref="MaxWait"/>; work that is left or comes after that is late.</summary>
    /// <param name="moment">The moment, by the database's clock.</param>
    public void FinishBy(DateTimeOffset moment) => finishBy = new FinishGoal(moment, default, TimeZoneInfo.Utc);
}
