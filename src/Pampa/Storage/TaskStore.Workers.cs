namespace Pampa.Storage;

/// <summary>Which workers may be given work.</summary>
internal sealed partial class TaskStore
{
    /// <summary>Those of the workers that the job's condition allows work now; an answer that takes longer than <paramref name="deadline"/> is none.</summary>
    public Task<List<string>> ReadAllowedAsync(IReadOnlyList<(string Worker, string Node)> workers, TimeSpan deadline, CancellationToken stopping)
    {
        var parameters = new List<(string Name, object? Value)>();
        var where = Rendered(Job.Allowing!.Where, "AllowWhere", "allow", parameters);
        var statement = new Statement(Sql.Allowed(where)) { Deadline = deadline };
        statement.Parameters.AddRange(parameters);
        database.Dialect.Bind(statement, JobSql.WorkerRows, [.. workers.Select(w => new[] { w.Worker, w.Node })]);
        return database.QueryAsync(statement, reader => reader.GetString(0), stopping);
    }

    /// <summary>Lets the database read the job's condition on workers.</summary>
    public Task ProbeAllowedAsync(CancellationToken stopping) => ReadAllowedAsync([], CountDeadline, stopping);
}
