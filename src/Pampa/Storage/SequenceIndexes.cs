namespace Pampa.Storage;

/// <summary>The indexes by which the records of a sequence are found, however many sequences there are.</summary>
internal static class SequenceIndexes
{
    public static IEnumerable<(string Name, string Index)> Of(JobTable job)
    {
        if (job.Job.Sequence is not { } sequence) yield break;
        string Quoted(StateColumn column) => Dialect.Quote(job.State[(int)column].Name);
        var columns = string.Join(", ", job.Order.Sequence.Select(c => Dialect.Quote(c.Name)));
        var open = $"{Quoted(StateColumn.EndTime)} IS NULL";
        yield return Named("_sequence", $"{columns}, {job.Sql.IndexOrder}", open);
        // Only those that are held: a few for each worker.
        yield return Named("_held", columns, $"{open} AND {Quoted(StateColumn.ReservationId)} IS NOT NULL");
        if (!sequence.GoesOnAfterFailure)
            yield return Named("_failed", columns, $"{Quoted(StateColumn.EndTime)} IS NOT NULL AND {Quoted(StateColumn.Success)} IS NOT TRUE");

        (string, string) Named(string which, string indexed, string where)
        {
            var name = Schema.AdvisedIndexName(job, which);
            return (name, Schema.Index(job, name, indexed, where));
        }
    }
}
