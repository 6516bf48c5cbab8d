namespace Pampa.Bench;

/// <summary>A measurement with a verb of its own.</summary>
internal interface IMeasurement
{
    /// <summary>Measures, tells what it sees, and returns a line for bench/results.md for each setting.</summary>
    /// <exception cref="RunFailedException">Something did not do what it had to.</exception>
    Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping);

    /// <summary>Where those lines go; its last column is the machine.</summary>
    ResultTable Table { get; }
}

/// <summary>Gives measurements their database.</summary>
internal sealed class Stage(TextWriter output, string? postgres, bool records)
{
    /// <summary>Returns the exit code: 1 where something did not do what it had to.</summary>
    public async Task<int> RunAsync(IReadOnlyList<IMeasurement> measurements, CancellationToken stopping)
    {
        await output.WriteLineAsync($"commit {Machine.Commit()}, {Machine.Describe()}");
        await using var database = await PostgresDatabase.StartAsync(postgres);
        var facts = await database.DescribeAsync();
        await output.WriteLineAsync($"{facts}\nload {Machine.Load()}\n");
        try
        {
            foreach (var measurement in measurements)
            {
                var lines = await measurement.MeasureAsync(database, output, stopping);
                await output.WriteLineAsync();
                if (!records) continue;
                foreach (var line in lines)
                    await Results.AppendAsync(measurement.Table, [.. line, $"{Machine.Describe()}; {facts}"]);
            }
            return 0;
        }
        catch (RunFailedException e)
        {
            await output.WriteLineAsync($"FAILED: {e.Message}");
            return 1;
        }
    }
}
