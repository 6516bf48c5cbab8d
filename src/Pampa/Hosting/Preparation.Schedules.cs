using Pampa.Storage;

namespace Pampa.Hosting;

/// <content>Schedules against the database.</content>
internal sealed partial class Preparation
{
    // A tick comes perhaps in a month: whoever is to be told of a slip in its statement is here now.
    private async Task CheckSchedulesAsync(PampaBuilder program, List<string> errors, CancellationToken stopping)
    {
        var store = new ScheduleStore(database, program.Cluster);
        foreach (var schedule in program.Schedules)
        {
            try
            {
                await store.ProbeAsync(schedule, stopping);
            }
            catch (Exception e) when (e is not OperationCanceledException && database.Dialect.Classify(e) is not ErrorKind.Infrastructure && !IsBusy(e))
            {
                errors.Add($"Schedule '{schedule.Name}': the database does not accept a statement of it: {(e is SnippetException ? e.Message : Cause(e))}.");
            }
        }
    }
}
