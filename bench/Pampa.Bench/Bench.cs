namespace Pampa.Bench;

/// <summary>Goes through all that was asked for.</summary>
internal sealed class Bench(TextWriter output)
{
    private const int MaxMegabytes = 150;
    private const int MemoryCountsFrom = 1_000_000;

    /// <summary>Returns the exit code: 1 where a run did not do what it had to.</summary>
    public async Task<int> RunAsync(Options options, CancellationToken stopping)
    {
        var ok = true;
        await output.WriteLineAsync($"commit {Machine.Commit()}, {Machine.Describe()}");
        foreach (var name in options.Databases)
        {
            await using var database = await OpenAsync(name, options.Postgres);
            var facts = await database.DescribeAsync();
            await output.WriteLineAsync(facts);
            var settings = options.Jobs.SelectMany(job => options.Sizes.Select(
                size => new Setting(database, Workload.Parse(job), size)));
            foreach (var setting in settings)
                ok &= await MeasureAsync(setting, options, facts, stopping);
        }
        return ok ? 0 : 1;
    }

    private static async Task<BenchDatabase> OpenAsync(string name, string? postgres)
    {
        if (name == "sqlite") return new SqliteDatabase();
        return await PostgresDatabase.StartAsync(postgres);
    }

    private static List<Side> Sides(BenchDatabase database, string? against)
    {
        var own = new OneProcess("this build", ChildOrder.OwnProgram, ChildOrder.Product);
        if (against is not null) return [own, new OneProcess("other build", Path.GetFullPath(against), ChildOrder.Product)];
        return [own, .. database.RawConnections.Select(
            n => new OneProcess($"raw, {n} connection{(n > 1 ? "s" : "")}", own.Program, $"raw{n}"))];
    }

    private async Task<bool> MeasureAsync(Setting setting, Options options, string facts, CancellationToken stopping)
    {
        await output.WriteLineAsync(FormattableString.Invariant(
            $"\n{setting.Database.Name}, {setting.Workload.Name}, {setting.Size:N0} records (load {Machine.Load()})"));
        var sides = Sides(setting.Database, options.Against);
        try
        {
            var report = new Report(sides, await new Session(setting, sides, options.Pairs, output).RunAsync(stopping));
            await report.WriteAsync(output);
            if (setting.Size >= MemoryCountsFrom && report.Of(0, r => r.Client.Memory.PeakSet)!.Max > MaxMegabytes)
                await output.WriteLineAsync($"! the working set went above {MaxMegabytes} MB");
            if (options.Record && options.Against is null)
            {
                await Results.AppendAsync(
                    Throughput.Table, Throughput.Cells(setting, options.Pairs, report, $"{Machine.Describe()}; {facts}"));
            }
            return true;
        }
        catch (RunFailedException e)
        {
            await output.WriteLineAsync($"FAILED: {e.Message}");
            return false;
        }
    }
}
