namespace Pampa.Storage;

/// <summary>T2: START, and T6: RELEASE of what was not started.</summary>
internal sealed partial class JobSql
{
    private readonly ComposedTexts<StartParts> starts = new();

    /// <summary>
    /// Counts the attempt and brings the fresh record: key, worker, attempt, start, generation where there is one, then the
    /// record columns. A row-local condition is checked again, because the record may have changed since it was reserved.
    /// </summary>
    public string Start(string? where) => starts.Of(new StartParts(where), this, static (p, sql) => sql.StartOf(p.Where));

    private readonly record struct StartParts(string? Where);

    private string StartOf(string? where) => $"""
        WITH {dialect.RowsStep(StartRows)}
        UPDATE {Table} AS t SET {St} = {dialect.ClockFor(Column(StateColumn.StartTime))}, {N} = COALESCE(t.{N}, 0) + 1
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND t.{Rid} = v._pampa_rid AND t.{Rt} = v._pampa_rt AND COALESCE(t.{N}, 0) = v._pampa_n
          AND {Guards("v", $"t.{St} IS NULL AND t.{Et} IS NULL AND COALESCE(t.{N}, 0) < @max")}
          AND {SessionHolds("v._pampa_rid", "v._pampa_session")}{And(where)}{StillDue}
        RETURNING {KeysOut()}, {Rid}, {N}, {dialect.TimeOutput(St, Column(StateColumn.StartTime))}{GenerationOut}{RecordOut}
        """;

    private string GenerationOut => job.Generation is null ? "" : $", COALESCE({Dialect.Quote(job.Generation.Name)}, 0)";

    private string RecordOut => string.Concat(RecordOuts.Select(c => $", {c}"));

    private IEnumerable<string> RecordOuts => job.RecordColumns.Select(c => c.ReadsAsText ? dialect.AsText(Dialect.Quote(c.Name)) : Dialect.Quote(c.Name));

    /// <summary>
    /// Gives back what was not started; it costs nothing. A later reservation of the same worker is not touched.
    /// </summary>
    public string Release => $"""
        WITH _pampa_v AS MATERIALIZED ({dialect.Rows(ReleaseRows)})
        UPDATE {Table} AS t SET {Rid} = NULL, {Rt} = NULL
        FROM _pampa_v AS v WHERE {KeysMatch("v")} AND t.{Rid} = v._pampa_rid AND {Guards("v", $"t.{St} IS NULL AND t.{Et} IS NULL")} AND t.{Rt} = v._pampa_rt
        RETURNING {KeysOut()}
        """;
}
