using System.CommandLine;
using System.Text.Json;

namespace Pampa.Commands;

/// <summary>The verbs <c>relaunch</c> and <c>retry</c>: ended records become pending again.</summary>
internal static class AgainCommand
{
    public static Command Relaunch(Verb verb) => Create(verb,
        "relaunch", "Makes ended records pending again, completed and failed ones, with all their attempts.",
        (cluster, job, keys, stopping) => cluster.RelaunchAsync(job, keys, stopping));

    public static Command Retry(Verb verb) => Create(verb,
        "retry", "Makes failed records pending again, with all their attempts.",
        (cluster, job, keys, stopping) => cluster.RetryAsync(job, keys, stopping));

    private static VerbCommand Create(
        Verb verb, string name, string description, Func<PampaCluster, string, IReadOnlyCollection<string>?, CancellationToken, Task<long>> againAsync)
    {
        var command = new VerbCommand(name, description)
        {
            Examples = [($"{name} my_job 17 23", "Two records, by their keys."), ($"{name} my_job --all", "All of them.")],
        };
        var job = new Argument<string>("job") { Description = "The job." };
        var keys = new Argument<string[]>("key")
        {
            Description = "Keys of records; the parts of a key of several columns with commas between them.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var all = new Option<bool>("--all") { Description = "All of them that have ended by now." };
        var database = Verb.DatabaseOption();
        var json = Verb.JsonOption();
        command.Arguments.Add(job);
        command.Arguments.Add(keys);
        foreach (var option in (Option[])[all, json, database]) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            var hasKeys = result.GetValue(keys) is { Length: > 0 };
            if (result.GetResult(job)?.Tokens.Count is not > 0) return;
            if (hasKeys == result.GetValue(all))
                result.AddError(hasKeys ? $"{name}: give keys or --all, not both." : $"{name}: say which records: give their keys, or --all.");
        });
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var which = parsed.GetValue(job)!;
            var count = await againAsync(cluster, which, parsed.GetValue(all) ? null : parsed.GetValue(keys), stopping);
            await verb.Output.WriteLineAsync(parsed.GetValue(json)
                ? JsonSerializer.Serialize(new AgainJson(which, count), CommandJson.Default.AgainJson)
                : FormattableString.Invariant($"{which}: {count:N0} {(count == 1 ? "record is" : "records are")} pending again"));
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }
}
