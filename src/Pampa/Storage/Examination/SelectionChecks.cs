using Pampa.Jobs;

namespace Pampa.Storage.Examination;

/// <summary>What a job's own selection names now, and what would come of it.</summary>
internal static class SelectionChecks
{
    private const int LookedAt = 1_000;

    public static async Task<IEnumerable<Finding>> OfAsync(TaskStore store, string where)
    {
        Named named;
        try
        {
            named = await store.LookAtSelectionAsync(LookedAt, CancellationToken.None);
        }
        catch (SnippetException e)
        {
            return [Finding.Error("snippet", where, $"The job's selection cannot be asked: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}.", "Mend Select: nothing of this job is reserved until then.")];
        }
        // What is held, or waits for its time, is named in good order.
        var isInVain = named.Keys.Count > 0 && !await store.IsAnyOpenAsync(named.Keys, Limits.LongestDelay, CancellationToken.None);
        if (isInVain) return [.. OfMisfits(named, where), InVain(store, named, where)];
        return [.. OfMisfits(named, where), .. await OfFirstAsync(store, named, where)];
    }

    /// <summary>The dispatcher asks for no more than it has room for: those that stand before the ones that are due must not be all that it hears of.</summary>
    private static async Task<IEnumerable<Finding>> OfFirstAsync(TaskStore store, Named many, string where)
    {
        var few = await store.LookAtSelectionAsync(Limits.FirstLook, CancellationToken.None);
        if (few.Keys.Count == 0 || await store.IsAnyOpenAsync(few.Keys, TimeSpan.Zero, CancellationToken.None)) return [];
        var due = await store.EligibleAsync(many.Keys, CancellationToken.None);
        if (due.Count == 0) return [];
        return [Finding.Warning("select-in-vain", where,
            FormattableString.Invariant($"The first {few.Count:N0} records that its Select names, asked for {Limits.FirstLook}, cannot be reserved now ({Examples(store, few)}), and others that are due stand behind them ({due[0].Key}): a dispatcher that has room for few never hears of those."),
            Remedy(store))];
    }

    private static IEnumerable<Finding> OfMisfits(Named named, string where) => named.Misfits.Count == 0
        ? []
        : [Finding.Warning("select-no-keys", where,
            FormattableString.Invariant($"{named.Misfits.Count:N0} of {named.Count:N0} that its Select names are no keys of the table, for example {named.Misfits[0]}."),
            "Return keys as PampaTask.Key has them: the parts of a key of several columns with commas between them.")];

    private static Finding InVain(TaskStore store, Named named, string where)
    {
        return Finding.Warning("select-in-vain", where,
            FormattableString.Invariant($"Its Select names {named.Count:N0} records and none of them will be reserved (they have ended, are no tasks of the job or are not there): {Examples(store, named)}."),
            Remedy(store));
    }

    private static string Examples(TaskStore store, Named named) =>
        string.Join("; ", named.Keys.Take(Stuck.Named).Select(store.Database.Dialect.Display)) + (named.Keys.Count > Stuck.Named ? ", …" : "");

    private static string Remedy(TaskStore store)
    {
        var columns = store.Table.State;
        var (rid, et) = (Dialect.Quote(columns[(int)StateColumn.ReservationId].Name), Dialect.Quote(columns[(int)StateColumn.EndTime].Name));
        return $"Leave them out in Select: {rid} IS NULL AND {et} IS NULL. The verb 'explain' says of each what keeps it.";
    }
}
