using System.CommandLine;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos;

/// <summary>What a run is asked.</summary>
internal sealed record Options(int Seed, double Minutes, Profile Profile)
{
    /// <summary>Only these faults, in turn; empty: all that the profile has.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];

    /// <summary>Names the faults and injects none.</summary>
    public bool IsList { get; init; }

    /// <summary>How many tasks come in a second.</summary>
    public double Rate { get; init; } = 32;

    /// <summary>Only one dispatcher and one worker, so that the same worker gets each task again.</summary>
    public bool IsSmall { get; init; }

    /// <summary>Whether so much happens that what must have happened at least once can be asked of it.</summary>
    public bool IsFull => Minutes >= 5 && Faults.Count == 0 && !IsSmall;

    /// <summary>Where the run keeps its files; null: a folder of its own that is removed when all went well.</summary>
    public string? Folder { get; init; }

    /// <summary>The address of a server that is not the run's own; null: the run starts one.</summary>
    public string? Server { get; init; }

    private const string Named = "env:";

    // What is said in so many words counts more than what happens to stand in the environment.
    private static string? ServerOf(Profile profile, string? said) => profile != Profile.Portable ? null
        : Environment.GetEnvironmentVariable(said is null ? ForeignServer.Variable : said[Named.Length..]) is { Length: > 0 } address ? address : null;

    public static RootCommand Command(Func<Options, CancellationToken, Task<int>> run)
    {
        var seed = new Option<int>("--seed") { Description = "What everything random comes from.", DefaultValueFactory = _ => 1 };
        var minutes = new Option<double>("--minutes") { Description = "How long faults are injected; then everything is healed and must come to its end.", DefaultValueFactory = _ => 1 };
        minutes.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<double>() is <= 0 or > 1_440) result.AddError("--minutes must be above 0, and at most 1,440.");
        });
        var profile = new Option<Profile>("--profile") { Description = "The database: sqlite, pg, or portable (PostgreSQL in the manner of CockroachDB, or a CockroachDB, see --server).", DefaultValueFactory = _ => Profile.Pg };
        var faults = new Option<string[]>("--faults") { Description = "Only these, with commas between them.", AllowMultipleArgumentsPerToken = true };
        var list = new Option<bool>("--list") { Description = "Names the faults and injects none." };
        var rate = new Option<double>("--rate") { Description = "Tasks that come in a second.", DefaultValueFactory = _ => 32 };
        var small = new Option<bool>("--small") { Description = "One dispatcher and one worker only: the same worker gets each task again." };
        var folder = new Option<string?>("--folder") { Description = "Where the run keeps its files; else a folder of its own, which stays if something is wrong." };
        var server = new Option<string?>("--server")
        {
            HelpName = "env:NAME",
            Description = $"Of the profile portable: a CockroachDB that is there, by the variable in which its address stands (default env:{ForeignServer.Variable}, where that is set). "
                + "What needs a server of the run's own is left out then, and told.",
        };
        server.Validators.Add(result =>
        {
            if (result.Tokens is not [var token]) return;
            if (!token.Value.StartsWith(Named, StringComparison.Ordinal)) result.AddError("--server must be env:NAME: an address may hold a password, and who lists processes sees their arguments.");
            else if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(token.Value[Named.Length..]))) result.AddError($"--server: there is nothing in {token.Value[Named.Length..]}.");
            else if (result.GetValue(profile) != Profile.Portable) result.AddError("--server goes with --profile portable.");
        });
        var root = new RootCommand("Breaks everything around a cluster of real processes and checks, without trusting a line of them, that no task is lost or done twice.");
        foreach (var option in (Option[])[seed, minutes, profile, faults, list, rate, small, folder, server]) root.Options.Add(option);
        root.SetAction((parsed, stopping) => run(new Options(parsed.GetValue(seed), parsed.GetValue(minutes), parsed.GetValue(profile))
        {
            Faults = [.. (parsed.GetValue(faults) ?? []).SelectMany(f => f.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
            IsList = parsed.GetValue(list),
            Rate = parsed.GetValue(rate),
            IsSmall = parsed.GetValue(small),
            Folder = parsed.GetValue(folder),
            Server = ServerOf(parsed.GetValue(profile), parsed.GetValue(server)),
        }, stopping));
        return root;
    }
}
