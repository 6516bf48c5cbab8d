using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>The verbs that steer a cluster: <c>pause</c>, <c>resume</c>, <c>detach</c>, <c>attach</c>, <c>drain</c>.</summary>
internal static class SteerCommand
{
    private const string Kinds = "job, node or worker";

    public static IEnumerable<Command> All(Verb verb) =>
    [
        Hold(verb, "pause", $"Lets a {Kinds} begin nothing: what is reserved is given back, what runs goes on to its end.", ["job", "node", "worker"], "paused", null),
        Release(verb, "resume", $"Ends the pause of a {Kinds}.", ["job", "node", "worker"], "resumed"),
        Hold(verb, "detach", "Lets a node or a worker serve no job: pause, in the words of the original.", ["node", "worker"], "detached", null),
        Release(verb, "attach", "Lets a node or a worker serve jobs again.", ["node", "worker"], "attached"),
        Hold(verb, "drain", $"Pauses a {Kinds} and waits until nothing of it runs: then it can be stopped or changed.", ["job", "node", "worker"], "drained", TimeoutOption()),
    ];

    private static Option<TimeSpan> TimeoutOption() => new("--timeout")
    {
        HelpName = "TIME",
        Description = "How long to wait, as hours:minutes:seconds.",
        DefaultValueFactory = _ => TimeSpan.FromMinutes(10),
    };

    private static VerbCommand Hold(Verb verb, string name, string description, string[] kinds, string done, Option<TimeSpan>? timeout)
    {
        var first = kinds[0] == "job" ? ("job my_job", "The job.") : ("node web1", "The node.");
        var command = new VerbCommand(name, description)
        {
            Examples = [($"{name} {first.Item1}", first.Item2), ($"{name} worker web1.3 --reason maintenance --for 00:30:00", "One worker, for half an hour.")],
        };
        if (timeout is not null) command.ExitCodes = [.. command.ExitCodes, (ExitCode.Abandoned, "something runs still when the time is over")];
        var (kind, target) = TargetArguments(command, kinds);
        var reason = new Option<string?>("--reason") { HelpName = "TEXT", Description = "Why, for whoever asks status (default: none)." };
        var duration = new Option<TimeSpan?>("--for") { HelpName = "TIME", Description = "How long, as hours:minutes:seconds (default: until it is resumed)." };
        var until = new Option<DateTimeOffset?>("--until") { HelpName = "MOMENT", Description = "Until when, for example 2026-12-24T18:00Z." };
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        foreach (var option in (Option?[])[reason, duration, until, timeout, json, database])
        {
            if (option is not null) command.Options.Add(option);
        }
        command.Validators.Add(result =>
        {
            if (result.GetResult(duration) is not null && result.GetResult(until) is not null) result.AddError($"{name}: give --for or --until, not both.");
        });
        foreach (var time in (Option?[])[duration, timeout]) time?.Validators.Add(result => MoreThanNone(result, name));
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var what = Target(parsed.GetValue(kind)!, parsed.GetValue(target)!);
            var end = parsed.GetValue(duration) is { } time ? await cluster.NowAsync(stopping) + time : parsed.GetValue(until);
            var (why, left) = (parsed.GetValue(reason), default(long?));
            if (timeout is null) await cluster.PauseAsync(what, why, end, stopping);
            else left = await cluster.DrainAsync(what, parsed.GetValue(timeout), why, end, stopping);
            if (parsed.GetValue(json))
                await WriteAsync(verb, new SteerJson(name, what.ToString(), IsPaused: true) { Reason = why, Until = end?.ToUniversalTime(), Left = left });
            if (left > 0)
            {
                await verb.Errors.WriteLineAsync(FormattableString.Invariant(
                    $"{what} is not drained within {parsed.GetValue(timeout!):c}: {left:N0} tasks are reserved or run still. It stays paused."));
                return ExitCode.Abandoned;
            }
            if (!parsed.GetValue(json)) await verb.Output.WriteLineAsync(Printable.Line($"{what} is {done}"));
            return ExitCode.Done;
        }, stopping));
        return command;
    }

    // What is no time at all the parser tells: here its value could not be asked for.
    private static void MoreThanNone(OptionResult result, string verb)
    {
        if (result.Tokens is [var token] && TimeSpan.TryParse(token.Value, CultureInfo.InvariantCulture, out var time) && time <= TimeSpan.Zero)
            result.AddError($"{verb}: {result.Option.Name} must be more than 00:00:00.");
    }

    private static VerbCommand Release(Verb verb, string name, string description, string[] kinds, string done)
    {
        var command = new VerbCommand(name, description) { Examples = [($"{name} {kinds[0]} {(kinds[0] == "job" ? "my_job" : "web1")}", $"One {kinds[0]}.")] };
        var (kind, target) = TargetArguments(command, kinds);
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        foreach (var option in (Option[])[json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var what = Target(parsed.GetValue(kind)!, parsed.GetValue(target)!);
            var was = await cluster.ResumeAsync(what, stopping);
            if (parsed.GetValue(json)) await WriteAsync(verb, new SteerJson(name, what.ToString(), IsPaused: false) { WasPaused = was });
            else await verb.Output.WriteLineAsync(Printable.Line(was ? $"{what} is {done}" : $"{what} was not paused"));
            return ExitCode.Done;
        }, stopping));
        return command;
    }

    private static Task WriteAsync(Verb verb, SteerJson json) =>
        verb.Output.WriteLineAsync(JsonSerializer.Serialize(json, OperationJson.Default.SteerJson));

    private static (Argument<string> Kind, Argument<string> Target) TargetArguments(VerbCommand command, string[] kinds)
    {
        var kind = new Argument<string>("kind") { Description = $"{string.Join(", ", kinds[..^1])} or {kinds[^1]}." };
        kind.AcceptOnlyFromAmong(kinds);
        var target = new Argument<string>("name") { Description = "Its name, or the worker's id." };
        command.Arguments.Add(kind);
        command.Arguments.Add(target);
        return (kind, target);
    }

    private static PampaTarget Target(string kind, string name) => kind switch
    {
        "job" => PampaTarget.Job(name),
        "node" => PampaTarget.Node(name),
        _ => PampaTarget.Worker(name),
    };
}
