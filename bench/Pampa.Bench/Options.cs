using System.CommandLine;

namespace Pampa.Bench;

/// <summary>What shall be measured.</summary>
internal sealed record Options(
    string[] Databases, string[] Jobs, int[] Sizes, int Pairs, bool Record, string? Against, string? Postgres)
{
    /// <summary>The command line.</summary>
    public static RootCommand Command(TextWriter output)
    {
        var database = new Option<string[]>("--database") { Description = "sqlite, postgres (default: both)." };
        var job = new Option<string[]>("--job") { Description = "numbers, noop (default: both), numbers-batch, noop-batch, numbers-typed (the record as an object)." };
        var size = new Option<int[]>("--size") { Description = "Records (default: 100000 and 1000000)." };
        var pairs = Verbs.Number("--pairs", "How often each side runs.", 3);
        var quick = new Option<bool>("--quick") { Description = "One pair of 100,000 numbers." };
        var record = Verbs.Record();
        var against = new Option<string?>("--against")
        {
            Description = "The Pampa.Bench of another build: its runs take turns with ours, in place of the raw limit.",
        };
        var postgres = Verbs.Postgres();
        database.AcceptOnlyFromAmong("sqlite", "postgres");
        Workload[] jobs = [Workload.Numbers, Workload.NumbersTyped, Workload.Noop, Workload.NumbersInBatches, Workload.NoopInBatches];
        job.AcceptOnlyFromAmong([.. jobs.Select(j => j.Name)]);
        foreach (var several in (Option[])[database, job, size]) several.AllowMultipleArgumentsPerToken = true;
        size.Validators.Add(Verbs.AtLeastOne);
        var root = new RootCommand("Measures Pampa on this machine against what the database can do at best.");
        foreach (var option in (Option[])[database, job, size, pairs, quick, record, against, postgres])
            root.Options.Add(option);
        root.SetAction((parsed, stopping) =>
        {
            var isQuick = parsed.GetValue(quick);
            return new Bench(output).RunAsync(new Options(
                Given(parsed.GetValue(database), ["sqlite", "postgres"]),
                Given(parsed.GetValue(job), isQuick ? ["numbers"] : ["numbers", "noop"]),
                Given(parsed.GetValue(size), isQuick ? [100_000] : [100_000, 1_000_000]),
                isQuick ? 1 : parsed.GetValue(pairs),
                parsed.GetValue(record), parsed.GetValue(against), parsed.GetValue(postgres)), stopping);
        });
        foreach (var verb in Verbs.All(output)) root.Subcommands.Add(verb);
        return root;
    }

    private static T[] Given<T>(T[]? given, T[] otherwise) => given is { Length: > 0 } ? given : otherwise;
}
