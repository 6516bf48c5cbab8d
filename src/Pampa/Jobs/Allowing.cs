namespace Pampa.Jobs;

/// <summary>Which workers may be given work of a job now: as a condition says that the database checks, and as the program's code says.</summary>
internal sealed record Allowing
{
    public Func<Sql>? Where { get; init; }

    public Func<AllowContext, CancellationToken, Task<bool>>? AskAsync { get; init; }
}
