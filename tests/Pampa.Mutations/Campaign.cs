using System.Diagnostics;

namespace Pampa.Mutations;

/// <summary>
/// Takes one rule after the other out of a copy of the code: with all of them the tests pass, without any one of them
/// some test must fail.
/// </summary>
internal sealed class Campaign(Options options, TextWriter output)
{
    private string ListPath => options.IsChaos ? "tests/Pampa.Mutations/chaos.json" : "tests/Pampa.Mutations/mutations.json";

    private const string ChaosProject = "Pampa.Chaos";

    /// <summary>A busy machine must not make a mutation look found: the limit is at least so many times what the tests need.</summary>
    private const int Patience = 4;

    private readonly Dictionary<Suite, TimeSpan> limits = [];

    private Dictionary<string, Mutation> partners = [];

    private IEnumerable<Mutation> Both(Mutation mutation) => mutation.With is { } other ? [mutation, partners[other]] : [mutation];

    /// <summary>Returns the exit code: 0 where all are found, 1 where some are not, 2 where nothing could be tried.</summary>
    public async Task<int> RunAsync(CancellationToken stopping)
    {
        var known = Mutation.Read(Path.Combine(Workshop.Root, ListPath)).ToDictionary(m => m.Name);
        var all = known.Values.Where(m => options.Only.Count == 0 || options.Only.Any(m.Has)).ToList();
        if (options.List || all.Count == 0) return List(all);
        partners = known;
        var wrong = all.SelectMany(Both).Distinct().Where(m => m.ApplyTo(File.ReadAllText(Path.Combine(Workshop.Root, m.File))) is null).ToList();
        foreach (var mutation in wrong) output.WriteLine($"ERROR: {mutation.Name}: its text stands not exactly once in {mutation.File}");
        if (wrong.Count > 0) return 2;
        using var workshop = Workshop.Make();
        if (!await IsGreenAsync(workshop, all, stopping)) return 2;
        var tried = all.FindAll(m => m.Implied is null);
        var found = 0;
        foreach (var mutation in tried) found += await TryAsync(workshop, mutation, stopping) ? 1 : 0;
        foreach (var mutation in all.Where(m => m.Implied is not null)) output.WriteLine($"not tried, {mutation.Implied}: {mutation.Name}");
        output.WriteLine($"{found} of {tried.Count} found");
        return found == tried.Count ? 0 : 1;
    }

    private int List(List<Mutation> all)
    {
        foreach (var mutation in all) output.WriteLine($"{mutation.File}: {mutation.Name}\n    {mutation.Rule}");
        output.WriteLine($"{all.Count} mutations");
        return all.Count > 0 ? 0 : 2;
    }

    /// <summary>Whether the tests that will be asked pass as things are; without that a failure would say nothing.</summary>
    private async Task<bool> IsGreenAsync(Workshop workshop, List<Mutation> all, CancellationToken stopping)
    {
        if (await BuildAsync(workshop, all, isFirst: true, stopping) is { } error)
        {
            output.WriteLine($"ERROR: does not compile as it is: {error}");
            return false;
        }
        foreach (var order in all.Select(m => m.Chaos).OfType<ChaosOrder>().Distinct())
        {
            var run = await workshop.ChaosAsync(order, stopping);
            output.WriteLine($"{order.Faults} as it is: {run.FoundBy ?? (run.HasRun ? "all holds" : "nothing was checked")} in {run.Took.TotalSeconds:0} s");
            if (run.FoundBy is not null || !run.HasRun) return false;
        }
        if (options.IsChaos) return true;
        foreach (var suite in all.SelectMany(m => m.Suites).Distinct())
        {
            var run = await workshop.TestAsync(suite, TimeSpan.FromHours(1), stopping);
            output.WriteLine($"{suite.Name} as it is: {run.FoundBy ?? (run.HasRun ? "passes" : "has no tests")} in {run.Took.TotalSeconds:0} s");
            if (run.FoundBy is not null || !run.HasRun) return false;
            var most = run.Took * Patience;
            limits[suite] = most > options.Limit ? most : options.Limit;
        }
        return true;
    }

    /// <summary>Builds the tests that must find these. Null where that works, else the first error.</summary>
    private async Task<string?> BuildAsync(Workshop workshop, IEnumerable<Mutation> mutations, bool isFirst, CancellationToken stopping)
    {
        var projects = options.IsChaos ? [ChaosProject] : mutations.SelectMany(m => m.Suites).Select(s => s.Project).Distinct();
        foreach (var project in projects)
        {
            if (await workshop.BuildAsync($"tests/{project}/{project}.csproj", isFirst, stopping) is { } error) return error;
        }
        return null;
    }

    private async Task<bool> TryAsync(Workshop workshop, Mutation mutation, CancellationToken stopping)
    {
        var watch = Stopwatch.StartNew();
        var originals = Both(mutation).Select(m => m.File).Distinct().ToDictionary(f => f, workshop.Read);
        foreach (var one in Both(mutation)) workshop.Write(one.File, one.ApplyTo(workshop.Read(one.File))!);
        try
        {
            if (await BuildAsync(workshop, [mutation], isFirst: false, stopping) is { } error)
            {
                output.WriteLine($"ERROR: does not compile: {mutation.Name}\n    {error}");
                return false;
            }
            if (mutation.Chaos is { } order)
                return Tell(mutation, await workshop.ChaosAsync(order, stopping), watch.Elapsed) || NotFound(mutation, watch.Elapsed);
            foreach (var suite in mutation.First is { } first ? mutation.Suites.Prepend(mutation.Suites[0].OfClass(first)) : mutation.Suites)
            {
                var run = await workshop.TestAsync(suite, limits.GetValueOrDefault(suite, options.Limit), stopping);
                if (Tell(mutation, run, watch.Elapsed)) return true;
            }
            return NotFound(mutation, watch.Elapsed);
        }
        finally
        {
            foreach (var (file, original) in originals) workshop.Write(file, original);
        }
    }

    private bool Tell(Mutation mutation, TestRun run, TimeSpan took)
    {
        if (run.FoundBy is null) return false;
        output.WriteLine($"found by {run.FoundBy} in {took.TotalSeconds:0} s: {mutation.Name}");
        if (run.Because is { } because) output.WriteLine($"    {because}");
        return true;
    }

    private bool NotFound(Mutation mutation, TimeSpan took)
    {
        output.WriteLine($"NOT FOUND in {took.TotalSeconds:0} s: {mutation.Name}\n    {mutation.Rule}");
        return false;
    }
}
