using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verb <c>explain</c>: why a record runs, or does not.</summary>
internal static class ExplainCommand
{
    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("explain", "Says why a record runs or does not: its state, each condition for it to be started and whether it holds, and who holds it. It changes nothing.")
        {
            Examples = [("explain my_job 17", "The record with the key 17."), ("explain my_job paris,17 --json", "One with a key of two columns, as JSON.")],
            ExitCodes =
            [
                (ExitCode.Done, "done"), (ExitCode.Configuration, "no such job or record, wrong arguments or configuration, or no connection"),
                (ExitCode.InternalError, "internal error"),
            ],
        };
        var job = verb.JobArgument();
        var key = new Argument<string>("key") { Description = "The record's key; the parts of a key of several columns with commas between them." };
        var database = Verb.DatabaseOption();
        var json = Verb.JsonOption();
        command.Arguments.Add(job);
        command.Arguments.Add(key);
        foreach (var option in (Option[])[json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var (which, text) = (parsed.GetValue(job)!, parsed.GetValue(key)!);
            if (await cluster.ExplainAsync(which, text, stopping) is not { } explanation)
            {
                await verb.Errors.WriteLineAsync($"Job '{which}': its table has no record with the key '{text}'.");
                return ExitCode.Configuration;
            }
            if (parsed.GetValue(json))
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(ExplainJson.Of(which, explanation), CommandJson.Default.ExplainJson));
            else foreach (var line in Lines(which, explanation)) await verb.Output.WriteLineAsync(Printable.Line(line));
            return ExitCode.Done;
        }, stopping));
        return command;
    }

    private static IEnumerable<string> Lines(string job, TaskExplanation e)
    {
        yield return $"{job} {e.Task.Key}: {e.Task.State.ToString().ToLowerInvariant()}";
        yield return e.Verdict;
        foreach (var condition in e.Conditions)
            yield return $"  {condition.Holds switch { true => "yes", false => "no ", null => "?  " }}  {condition.Name}: {condition.Detail}";
        if (e.Task.Error is { Length: > 0 } error) yield return $"  last error: {error}";
    }
}
