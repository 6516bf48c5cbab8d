namespace Pampa.Storage;

/// <summary>Which workers a job's own condition lets have work.</summary>
internal sealed partial class JobSql
{
    /// <summary>The workers that are asked about, under the names that a program's condition has for them.</summary>
    public static RowSource WorkerRows { get; } = new("workers", [new("id", CellKind.Text), new("node", CellKind.Text)]);

    /// <summary>Those of the workers that the condition holds for.</summary>
    public string Allowed(string? where) => $"""
        SELECT worker.id FROM ({dialect.Rows(WorkerRows)}) AS worker WHERE ({where ?? "TRUE"})
        """;
}
