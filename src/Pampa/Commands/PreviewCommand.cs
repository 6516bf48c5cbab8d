using System.CommandLine;
using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verb <c>preview</c>: what a job would reserve next, and how.</summary>
internal static class PreviewCommand
{
    private const int MostPassedBy = 20;

    private const int Usual = 20;

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("preview", "Shows the records that a job would reserve next, in order, the statement that selects them, and how the database would run it. Nothing is reserved.")
        {
            Examples = [("preview my_job", "The next 20 records."), ("preview my_job --count 100 --json", "The next 100, as JSON.")],
        };
        var job = verb.JobArgument();
        var count = new Option<int>("--count") { HelpName = "N", Description = $"At most so many records (default: {Usual}).", DefaultValueFactory = _ => Usual };
        var database = Verb.DatabaseOption();
        var json = Verb.JsonOption();
        command.Arguments.Add(job);
        foreach (var option in (Option[])[count, json, database]) command.Options.Add(option);
        count.Validators.Add(result => WorkCommands.Range(result, 1, Limits.ListedRows));
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var preview = await cluster.PreviewAsync(parsed.GetValue(job)!, parsed.GetValue(count), stopping);
            if (parsed.GetValue(json)) await verb.Output.WriteLineAsync(JsonSerializer.Serialize(PreviewJson.Of(preview), CommandJson.Default.PreviewJson));
            else foreach (var line in Lines(preview)) await verb.Output.WriteLineAsync(Printable.Line(line));
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }

    private static IEnumerable<string> Lines(JobPreview preview)
    {
        yield return preview.Tasks.Count == 0
            ? $"{preview.Job}: nothing is due"
            : FormattableString.Invariant($"{preview.Job}: the next {(preview.Tasks.Count == 1 ? "record" : $"{preview.Tasks.Count:N0} records")}, in order");
        foreach (var task in preview.Tasks)
        {
            var again = task.Attempts > 0 ? FormattableString.Invariant($", after {task.Attempts:N0} {(task.Attempts == 1 ? "attempt" : "attempts")}") : "";
            yield return $"  {task.Key}{again}{(task.DueFor is { } waits ? $", due for {StatusPage.Duration(waits)}" : "")}";
        }
        if (preview.PassedBy.Count > 0)
        {
            var more = preview.PassedBy.Count > MostPassedBy ? ", …" : "";
            yield return FormattableString.Invariant(
                $"Its Select names {preview.PassedBy.Count:N0} more that cannot be reserved: {string.Join(", ", preview.PassedBy.Take(MostPassedBy))}{more}");
        }
        yield return $"Selected by ({string.Join(", ", preview.Parameters)}):";
        foreach (var line in preview.Sql.Split('\n')) yield return $"  {line.TrimEnd('\r')}";
        yield return "Run as:";
        foreach (var line in preview.Plan) yield return $"  {line}";
    }
}
