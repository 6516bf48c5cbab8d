using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Pampa.Bench;

/// <summary>The measurements that have a verb of their own, all on PostgreSQL.</summary>
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
                .RunAsync(measurement([.. numbers.Select(parsed.GetValue)]), stopping));
            return command;
        }
        yield return Verb("latency", "From the commit of an INSERT to the begin of the handler.",
            [Number("--samples", "Records, one at a time.", 1_000)],
            n => new Latency(Samples: n[0]));
    }

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
