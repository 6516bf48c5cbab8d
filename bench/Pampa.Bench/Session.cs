namespace Pampa.Bench;

/// <summary>One thing that is measured.</summary>
internal sealed record Setting(BenchDatabase Database, Workload Workload, int Size);

/// <summary>
/// Measures one setting: all sides in turns, again and again, so that what disturbs the machine for a while disturbs
/// all of them.
/// </summary>
internal sealed class Session(Setting setting, IReadOnlyList<Side> sides, int pairs, TextWriter output)
{
    /// <summary>Returns the runs of each side, in the order of the sides.</summary>
    /// <exception cref="RunFailedException">A record is not as it should be.</exception>
    public async Task<List<RunResult>[]> RunAsync(CancellationToken stopping)
    {
        var results = sides.Select(_ => new List<RunResult>()).ToArray();
        for (var pair = 1; pair <= pairs; pair++)
        {
            for (var side = 0; side < sides.Count; side++)
            {
                var result = await MeasureAsync(sides[side], stopping);
                results[side].Add(result);
                await output.WriteLineAsync($"  {pair}/{pairs} {sides[side].Title}: " + FormattableString.Invariant(
                    $"{result.TasksPerSecond:N0} tasks/s, {result.TasksPerCpuSecond:N0} per CPU s"));
            }
        }
        return results;
    }

    private async Task<RunResult> MeasureAsync(Side side, CancellationToken stopping)
    {
        var (database, workload, size) = setting;
        var address = await database.CreateAsync();
        try
        {
            // The table, its state columns and its index are the product's own work, also for the raw limit.
            await Child.RunAsync(new ChildOrder(side.Program, ChildOrder.Prepare, workload, address), stopping);
            await database.LoadAsync(size);
            var before = await database.ReadUseAsync();
            var client = await side.WorkAsync(setting, address, stopping);
            var after = await database.ReadUseAsync();
            var facts = await database.ReadFactsAsync(workload);
            if (facts.Records != size || facts.Right != size)
                throw new RunFailedException(
                    $"{side.Title}: of {size} records {facts.Records} are there, {facts.Right} as they should be");
            return new RunResult(size, client, after.Since(before), facts);
        }
        finally
        {
            await database.DropAsync();
        }
    }
}
