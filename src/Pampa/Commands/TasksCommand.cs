using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Commands;

/// <summary>The verb <c>tasks</c>: records of a job, by what they are like.</summary>
internal static class TasksCommand
{
    private const int Usual = 50;
    private static readonly (string Name, TaskOrder Order)[] Orders =
        [("key", TaskOrder.Key), ("last-key", TaskOrder.KeyDescending), ("latest", TaskOrder.LatestEnd), ("started", TaskOrder.LongestRunning)];

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("tasks", "Lists records of a job, by what they are like. Column values are shown only where --columns asks for them.")
        {
            Examples =
            [
                ("tasks my_job --state failed --order latest", "The latest failures."),
                ("tasks my_job --where \"amount >= 10\" --columns amount,note --json", "By a column, with values, as JSON."),
            ],
        };
        var job = verb.JobArgument();
        command.Arguments.Add(job);
        var filter = FilterOptions.AddTo(command);
        var order = new Option<string>("--order")
        {
            HelpName = "ORDER",
            Description = "key, last-key (the last key first), latest (ended records, the newest end first) or started (running ones, the earliest start first) (default: key).",
            DefaultValueFactory = _ => Orders[0].Name,
        };
        var limit = new Option<int>("--limit") { HelpName = "N", Description = $"At most so many records (default: {Usual}).", DefaultValueFactory = _ => Usual };
        var after = new Option<string?>("--after") { HelpName = "PLACE", Description = "Go on here: what the page before has named." };
        var columns = new Option<string?>("--columns") { HelpName = "NAMES", Description = "Columns whose values to show, with commas between them (default: none)." };
        var (database, json) = (Verb.DatabaseOption(), Verb.JsonOption());
        foreach (var option in (Option[])[order, limit, after, columns, json, database]) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(order) is { Implicit: false } given && !given.Errors.Any() && !Orders.Any(o => o.Name == result.GetValue(order)))
                result.AddError($"--order must be {string.Join(", ", Orders.Select(o => o.Name))}, got '{Printable.Line(result.GetValue(order)!)}'.");
        });
        limit.Validators.Add(result => WorkCommands.Range(result, 1, Limits.ListedRows));
        command.SetAction((parsed, stopping) => verb.WithClusterAsync(parsed.GetValue(database), async (cluster, _) =>
        {
            var query = new TaskQuery
            {
                Filter = filter.Read(parsed),
                Order = Orders.First(o => o.Name == parsed.GetValue(order)).Order,
                Limit = parsed.GetValue(limit),
                After = parsed.GetValue(after),
                Columns = parsed.GetValue(columns)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            };
            var page = await cluster.TasksAsync(parsed.GetValue(job)!, query, stopping);
            if (parsed.GetValue(json))
                await verb.Output.WriteLineAsync(JsonSerializer.Serialize(TasksJson.Of(parsed.GetValue(job)!, page), OperationJson.Default.TasksJson));
            else await WriteAsync(verb, page);
            return Hosting.ExitCode.Done;
        }, stopping));
        return command;
    }

    private static async Task WriteAsync(Verb verb, TaskPage page)
    {
        var names = page.Tasks.Count == 0 ? [] : page.Tasks[0].Values.Select(v => v.Column);
        string[] headers = ["key", "state", "attempts", "worker", "time", .. names.Select(Printable.Line), "error"];
        var rows = page.Tasks.Select(t => (string?[])
        [
            t.Key, t.State.ToString().ToLowerInvariant(), t.Attempts.ToString(CultureInfo.InvariantCulture), t.Worker,
            Moment(t.EndedAt ?? t.StartedAt ?? t.ReservedAt), .. t.Values.Select(v => v.Text ?? "NULL"), t.Error,
        ]);
        var width = Terminal.IsOn(verb.Output) ? Terminal.Size().Width : default(int?);
        foreach (var line in CellTable.Lines(headers, rows, width)) await verb.Output.WriteLineAsync(line);
        // Not among the records, which somebody may count.
        if (page.Next is { } next)
            await verb.Errors.WriteLineAsync($"{(page.IsPartial ? "There may be more, as far as was looked" : "There are more")}: --after {Quoted(next)}");
    }

    private static string? Moment(DateTimeOffset? moment) => moment?.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Quoted(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ',') ? text
        : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
