using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>
/// The verb <c>migrate</c>: makes everything that the program needs in the database, the state columns of the jobs'
/// tables included; or prints it.
/// </summary>
internal static class MigrateCommand
{
    private const int Connections = 2;

    public static Command Create(Verb verb)
    {
        var command = new VerbCommand("migrate", "Makes the control tables, the state columns and the index of each job, and runs the program's Setup; what is there already is left as it is.")
        {
            Examples =
            [
                ("migrate --dry-run", "Print the statements and change nothing."),
                ("migrate --db file:owner.url", "Run them as the user whose database address stands in the file."),
            ],
        };
        var database = Verb.DatabaseOption();
        var dryRun = new Option<bool>("--dry-run") { Description = "Change nothing; print the statements that would run." };
        var json = Verb.JsonOption();
        foreach (var option in (Option[])[dryRun, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.RunAsync(parsed.GetValue(database), (program, choice) =>
            RunAsync(verb, program, choice, parsed.GetValue(dryRun), parsed.GetValue(json), stopping), stopping));
        return command;
    }

    private static async Task<int> RunAsync(
        Verb verb, PampaBuilder program, DatabaseChoice choice, bool isDryRun, bool asJson, CancellationToken stopping)
    {
        var dialect = choice.Address.Dialect;
        await using var database = new Database(
            dialect.Open(choice.Address.ConnectionString, $"pampa/{program.Cluster}/migrate", Connections), dialect, TimeProvider.System, Chance.Shared);
        var statements = new List<string>();
        if (!asJson) await verb.Output.WriteLineAsync($"-- Database: {choice.Address.Description} ({choice.Why})");
        // At once, and not at the end: when one of them takes long, it is known which.
        void Tell(string statement)
        {
            var isRemark = statement.StartsWith("--", StringComparison.Ordinal);
            if (!isRemark) statements.Add(statement);
            if (!asJson) verb.Output.WriteLine(isRemark ? statement : $"{statement};");
        }
        var changes = isDryRun ? SchemaChanges.Planned : SchemaChanges.All;
        await new Preparation(database, choice.Address, changes, TimeProvider.System, Tell).RunAsync(program, stopping);
        if (asJson) await verb.Output.WriteLineAsync(JsonSerializer.Serialize(new MigrateJson(isDryRun, statements), CommandJson.Default.MigrateJson));
        else await verb.Output.WriteLineAsync(Summary(statements.Count, isDryRun));
        return ExitCode.Done;
    }

    private static string Summary(int statements, bool isDryRun)
    {
        if (statements == 0) return "-- Nothing to do.";
        return isDryRun
            ? FormattableString.Invariant($"-- {statements:N0} statements would run; nothing was changed.")
            : FormattableString.Invariant($"-- Done: {statements:N0} statements.");
    }
}
