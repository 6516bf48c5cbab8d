using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Pampa.Bench.Comparing;

namespace Pampa.Bench;

/// <summary>The measurements that have a verb of their own, all on PostgreSQL, and what is drawn without one.</summary>
internal static class Verbs
{
    public static IEnumerable<Command> All(TextWriter output)
    {
        var postgres = Postgres();
        var record = Record();
        Command Verb(string name, string description, Option<int>[] numbers, Func<int[], IMeasurement> measurement)
        {
            var command = new Command(name, description);
            foreach (var option in (Option[])[.. numbers, record, postgres]) command.Options.Add(option);
            command.SetAction((parsed, stopping) => new Stage(output, parsed.GetValue(postgres), parsed.GetValue(record))
                .RunAsync([measurement([.. numbers.Select(parsed.GetValue)])], stopping));
            return command;
        }
        yield return Verb("latency", "From the commit of an INSERT to the begin of the handler.",
            [Number("--samples", "Records, one at a time.", 1_000)],
            n => new Latency(Samples: n[0]));
        yield return Verb("apart", "A dispatcher and two nodes as processes, at work and with nothing to do.",
            [
                Number("--size", "Records.", 1_000_000),
                Number("--pairs", "How often each side runs.", 3),
                Number("--seconds", "How long the processes that have nothing to do are looked at.", 20),
            ],
            n => new Apart(Size: n[0], Pairs: n[1], Seconds: n[2]));
        yield return Verb("idle", "A dispatcher and many nodes as processes with nothing to do.",
            [
                Number("--nodes", "Processes.", 10),
                Number("--workers", "Workers of each.", 100),
                Number("--seconds", "How long they are looked at.", 30),
            ],
            n => new Idle(Nodes: n[0], Workers: n[1], Seconds: n[2]));
        yield return Growing(output, postgres, record);
        yield return Verb("start", "From the start of a program to its first task, published for the runtime and ahead of time.",
            [Number("--runs", "How often each is started.", 5)],
            n => new Start(Runs: n[0]));
        yield return Verb("dashboard", "How long the dashboard's server takes for each thing that its pages ask.",
            [
                Number("--records", "Records of the table.", 10_000_000),
                Number("--times", "How often each is asked, after the first time.", 20),
            ],
            n => new Dashboard(Records: n[0], Times: n[1]));
        yield return CompareCommand.Command(output);
        yield return TimelineChart.Command(output);
    }

    private static Command Growing(TextWriter output, Option<string?> postgres, Option<bool> record)
    {
        var records = Number("--records", $"The most records, at least {Growth.Open:N0}.", 10_000_000);
        records.Validators.Add(option =>
        {
            if (option.Implicit || option.Tokens is not [var token]) return;
            if (int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && value < Growth.Open)
                option.AddError($"--records must be at least {Growth.Open:N0}, got {value}.");
        });
        var seconds = Number("--seconds", "How long the processes that have nothing to do are looked at.", 20);
        var what = Several("--what", $"What grows: {string.Join(", ", Growth.Things)} (default: each).", Growth.Things);
        var command = new Command("growth", "How cost grows with the records, workers, jobs and nodes.") { records, seconds, what, record, postgres };
        command.SetAction((parsed, stopping) => new Stage(output, parsed.GetValue(postgres), parsed.GetValue(record))
            .RunAsync([new Growth(parsed.GetValue(records), parsed.GetValue(seconds), Given(parsed, what, Growth.Things))], stopping));
        return command;
    }

    /// <summary>An option that takes some of the given words.</summary>
    public static Option<string[]> Several(string name, string description, string[] values)
    {
        var option = new Option<string[]>(name) { Description = description, AllowMultipleArgumentsPerToken = true };
        option.AcceptOnlyFromAmong(values);
        return option;
    }

    /// <summary>The words that were given to it, or others where none were.</summary>
    public static string[] Given(ParseResult parsed, Option<string[]> option, string[] otherwise) =>
        parsed.GetValue(option) is { Length: > 0 } given ? given : otherwise;

    public static Option<string?> Postgres() => new("--postgres")
    {
        Description = "A server that lets its user create databases, by URL or env:NAME (default: one is started).",
    };

    public static Option<bool> Record() => new("--record") { Description = "Append the medians to bench/results.md." };

    public static Option<int> Number(string name, string description, int otherwise)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(AtLeastOne);
        return option;
    }

    public static void AtLeastOne(OptionResult result)
    {
        foreach (var token in result.Tokens)
        {
            if (int.TryParse(token.Value, CultureInfo.InvariantCulture, out var value) && value < 1)
                result.AddError($"{result.Option.Name} must be at least 1, got {token.Value}.");
        }
    }
}
