using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Pampa.Bench;

/// <summary>
/// From the start of a program to the start of its first task, and how large it is: samples/numbers.cs, published for the runtime and ahead of
/// time, on a SQLite file that has the table and one new record.
/// </summary>
internal sealed record Start(int Runs) : IMeasurement
{
    private static readonly (string Name, string[] Arguments)[] Kinds =
    [
        ("just in time, self-contained", ["-p:PublishAot=false", "--self-contained"]),
        ("ahead of time", ["-p:PublishAot=true"]),
    ];

    public ResultTable Table { get; } = new("## Start", """
        From the start of samples/numbers.cs as a process to the start of its first task on a SQLite file, which the record tells, and to its
        end (`--drain`), appended by `start --record`: medians (lowest..highest).
        """,
        ["published", "MB", "runs", "ms to the first task", "ms to the end", "MB of memory", "machine"]);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var lines = new List<string[]>();
        foreach (var (name, arguments) in Kinds)
        {
            var folder = Directory.CreateTempSubdirectory("pampa-bench-").FullName;
            try
            {
                lines.Add(await MeasureAsync(name, arguments, folder, stopping));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        await TextTable.WriteAsync([[.. Table.Columns.SkipLast(1)], .. lines], output);
        return lines;
    }

    private async Task<string[]> MeasureAsync(string name, string[] arguments, string folder, CancellationToken stopping)
    {
        var root = Repository.Root() ?? throw new RunFailedException("samples/numbers.cs was not found: run the bench from where it was built in a clone.");
        var publish = new ProcessStartInfo("dotnet") { WorkingDirectory = root };
        foreach (var word in (string[])["publish", "samples/numbers.cs", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, .. arguments, "-o", folder, "-v", "quiet"])
            publish.ArgumentList.Add(word);
        await BenchProcess.RunAsync(publish, stopping);
        // What is needed to run it: symbols are not.
        var size = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".dbg", StringComparison.Ordinal))
            .Sum(f => new FileInfo(f).Length) / 1e6;
        var file = Path.Combine(folder, "numbers.db");
        // Makes the table, and works off what the sample puts into it.
        await RunOnceAsync(folder, file, stopping);
        var (first, end, memory) = (new List<double?>(), new List<double?>(), new List<double?>());
        for (var run = 1; run <= Runs; run++)
        {
            await ExecuteAsync(file, FormattableString.Invariant($"INSERT INTO numbers (value) VALUES ({1_000_000 + run})"));
            var began = TimeProvider.System.GetUtcNow();
            memory.Add(await RunOnceAsync(folder, file, stopping));
            end.Add((TimeProvider.System.GetUtcNow() - began).TotalMilliseconds);
            var at = await ExecuteAsync(file, FormattableString.Invariant($"SELECT odd_checking_start_time FROM numbers WHERE value = {1_000_000 + run}"));
            if (at is not string text) throw new RunFailedException("the record was not worked on");
            first.Add((DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) - began).TotalMilliseconds);
        }
        return
        [
            name, size.ToString("N1", CultureInfo.InvariantCulture), Runs.ToString(CultureInfo.InvariantCulture),
            Series.Of(first)!.Text("N0"), Series.Of(end)!.Text("N0"), Series.Of(memory)!.Text("N0"),
        ];
    }

    /// <summary>Returns its highest working set in MB, as far as it was seen.</summary>
    private static async Task<double?> RunOnceAsync(string folder, string file, CancellationToken stopping)
    {
        var start = new ProcessStartInfo(Path.Combine(folder, "numbers"));
        foreach (var word in (string[])["--drain", "--db", file]) start.ArgumentList.Add(word);
        await using var process = new BenchProcess(start);
        var ended = process.EndAsync(stopping);
        double most = 0;
        while (!ended.IsCompleted)
        {
            try
            {
                most = Math.Max(most, process.WorkingSet);
            }
            catch (InvalidOperationException)
            {
                // It has ended in this moment.
            }
            await Task.WhenAny(ended, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, stopping));
        }
        await ended;
        return most;
    }

    private static async Task<object?> ExecuteAsync(string file, string text)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        return await command.ExecuteScalarAsync();
    }
}
