namespace Pampa;

/// <summary>
/// What becomes of the ticks of a schedule that are later than its <see cref="ScheduleBuilder.Grace"/>: nobody led, the database was
/// away, or they failed for so long. A tick that is not so late is done by all means, whatever this says.
/// </summary>
public enum Misfire
{
    /// <summary>
    /// One tick stands for all that were missed, the last of them or the first that is not late; <see cref="ScheduleTick.Missed"/> says
    /// for how many.
    /// </summary>
    Once,

    /// <summary>They are left out: the work is for its hour and for no other.</summary>
    Skip,

    /// <summary>
    /// Each is done, in order, the oldest first; of more than <see cref="ScheduleBuilder.MisfireLimit"/> the oldest are left out.
    /// </summary>
    All,
}
