namespace Pampa.Storage;

/// <summary>The state columns by their part.</summary>
internal enum StateColumn
{
    ReservationId,
    ReservationTime,
    ReservationTimes,
    StartTime,
    EndTime,
    Success,
    ErrorDescription,
    Generation,
}
