namespace Pampa.Jobs;

/// <summary>
/// The states of a record; the CASE that tells them stands in <c>Storage/JobSql</c> and nowhere else.
/// </summary>
internal enum TaskState
{
    Pending,
    Scheduled,
    Reserved,
    Running,
    Completed,
    Failed,
}
