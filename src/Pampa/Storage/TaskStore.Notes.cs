using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What is noted of single records, for whoever looks at one of them later.</summary>
internal sealed partial class TaskStore
{
    /// <summary>Where it is noted; null: nowhere.</summary>
    public Notebook? Notes { get; init; }

    /// <summary>An attempt has failed.</summary>
    public void NoteFailure(TaskResult result)
    {
        if (Notes is not { HasRoom: true }) return;
        Notes.Add(Job.Name, HistoryOf(result.Fence.Key, result.Outcome == Outcome.Failed ? "failed" : "again") with
        {
            Attempt = result.Fence.Attempt,
            Worker = result.Fence.Worker,
            Text = result.Error,
        });
    }

    private void NoteTakenBack(TaskKey key, bool hasFailed)
    {
        if (Notes is not { HasRoom: true }) return;
        Notes.Add(Job.Name, HistoryOf(key, hasFailed ? "failed" : "reclaimed") with { Text = "its worker was lost, or it took longer than it may" });
    }

    private HistoryRow HistoryOf(TaskKey key, string what) => new(HistoryRow.NameOf(database.Dialect.Display(key)), what);
}
