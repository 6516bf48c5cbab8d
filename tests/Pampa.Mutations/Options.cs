using System.CommandLine;

namespace Pampa.Mutations;

/// <summary>Which mutations are tried, and how long a test run may take.</summary>
internal sealed record Options(IReadOnlyList<string> Only, bool List, TimeSpan Limit, bool IsChaos = false)
{
    /// <summary>The command line; the work is given to <paramref name="run"/>.</summary>
    public static RootCommand Command(Func<Options, Func<CancellationToken, Task<int>>> run)
    {
        var only = new Option<string[]>("--only") { Description = "Only those whose name, rule or file has this text; may be given several times." };
        var list = new Option<bool>("--list") { Description = "Names them and tries none." };
        var limit = new Option<int>("--limit")
        {
            Description = "Seconds that the tests may take. A mutation that makes them take longer is found by that.",
            DefaultValueFactory = _ => 180,
        };
        var chaos = new Option<bool>("--chaos") { Description = "Takes out the guards of the protocol, each to be missed by a check of the chaos program." };
        limit.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1) result.AddError("--limit must be at least 1.");
        });
        var root = new RootCommand("Takes one rule after the other out of a copy of the code; each time a test must fail.");
        foreach (var option in (Option[])[only, list, limit, chaos]) root.Options.Add(option);
        root.SetAction((parsed, stopping) =>
            run(new Options(
                parsed.GetValue(only) ?? [], parsed.GetValue(list), TimeSpan.FromSeconds(parsed.GetValue(limit)), parsed.GetValue(chaos)))(stopping));
        return root;
    }
}
