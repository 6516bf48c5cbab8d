using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Pampa.Bench;

/// <summary>What shall be measured.</summary>
internal sealed record Options(
    string[] Databases, string[] Jobs, int[] Sizes, int Pairs, bool Record, string? Against, string? Postgres)
{
    /// <summary>The command line; the work is given to <paramref name="run"/>.</summary>
    public static RootCommand Command(Func<Options, CancellationToken, Task<int>> run)
    {
        var database = new Option<string[]>("--database") { Description = "sqlite, postgres (default: both)." };
        var job = new Option<string[]>("--job") { Description = "numbers, noop (default: both)." };
        var size = new Option<int[]>("--size") { Description = "Records (default: 100000 and 1000000)." };
        var pairs = new Option<int>("--pairs")
        {
            Description = "How often each side runs.",
            DefaultValueFactory = _ => 3,
        };
        var quick = new Option<bool>("--quick") { Description = "One pair of 100,000 numbers." };
        var record = new Option<bool>("--record") { Description = "Append the medians to bench/results.md." };
        var against = new Option<string?>("--against")
        {
            Description = "The Pampa.Bench of another build: its runs take turns with ours, in place of the raw limit.",
        };
        var postgres = new Option<string?>("--postgres")
        {
            Description = "A server that lets its user create databases, by URL or env:NAME (default: one is started).",
        };
        database.AcceptOnlyFromAmong("sqlite", "postgres");
        job.AcceptOnlyFromAmong(Workload.Numbers.Name, Workload.Noop.Name);
        foreach (var several in (Option[])[database, job, size]) several.AllowMultipleArgumentsPerToken = true;
        pairs.Validators.Add(result => AtLeastOne(result));
        size.Validators.Add(result => AtLeastOne(result));
        var root = new RootCommand("Measures Pampa on this machine against what the database can do at best.");
        foreach (var option in (Option[])[database, job, size, pairs, quick, record, against, postgres])
            root.Options.Add(option);
        root.SetAction((parsed, stopping) =>
        {
            var isQuick = parsed.GetValue(quick);
            return run(new Options(
                Given(parsed.GetValue(database), ["sqlite", "postgres"]),
                Given(parsed.GetValue(job), isQuick ? ["numbers"] : ["numbers", "noop"]),
                Given(parsed.GetValue(size), isQuick ? [100_000] : [100_000, 1_000_000]),
                isQuick ? 1 : parsed.GetValue(pairs),
                parsed.GetValue(record), parsed.GetValue(against), parsed.GetValue(postgres)), stopping);
        });
        return root;
    }

    private static T[] Given<T>(T[]? given, T[] otherwise) => given is { Length: > 0 } ? given : otherwise;

    private static void AtLeastOne(OptionResult result)
    {
        foreach (var token in result.Tokens)
        {
            if (int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && value < 1)
                result.AddError($"{result.Option.Name} must be at least 1, got {token.Value}.");
        }
    }
}
