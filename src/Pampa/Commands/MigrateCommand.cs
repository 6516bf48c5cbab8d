using System.CommandLine;
using System.Text.Json;
using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>
/// The verb <c>migrate</c>: makes everything that the program needs in the database, the state columns of the jobs'
/// tables included; or prints it. It gives no rights, but prints which ones a role needs that runs the program afterwards.
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
                ("migrate --dry-run --role shop", "The same, and the statements that give the role shop all rights that the program needs then."),
                ("migrate --db file:owner.url", "Run them as the user whose database address stands in the file."),
            ],
        };
        var database = Verb.DatabaseOption();
        var dryRun = new Option<bool>("--dry-run") { Description = "Change nothing; print the statements that would run." };
        var role = new Option<string?>("--role")
        {
            HelpName = "ROLE",
            Description = "Print what to grant to this role so that it can run the program (with --dry-run it is printed anyway, as remarks, for your_role).",
        };
        role.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && string.IsNullOrWhiteSpace(token.Value)) result.AddError("--role must be the name of a role, got an empty text.");
        });
        var json = Verb.JsonOption();
        foreach (var option in (Option[])[dryRun, role, json, database]) command.Options.Add(option);
        command.SetAction((parsed, stopping) => verb.RunAsync(parsed.GetValue(database), (program, choice) =>
            RunAsync(verb, program, choice, new Wanted(parsed.GetValue(dryRun), parsed.GetValue(role), parsed.GetValue(json)), stopping), stopping));
        return command;
    }

    /// <summary>What is asked for.</summary>
    private sealed record Wanted(bool IsDryRun, string? Role, bool AsJson);

    private static async Task<int> RunAsync(Verb verb, PampaBuilder program, DatabaseChoice choice, Wanted wanted, CancellationToken stopping)
    {
        var dialect = choice.Address.Dialect;
        await using var database = new Database(
            dialect.Open(choice.Address.ConnectionString, $"pampa/{program.Cluster}/migrate", Connections), dialect, TimeProvider.System, Chance.Shared);
        var statements = new List<string>();
        if (!wanted.AsJson) await verb.Output.WriteLineAsync($"-- Database: {choice.Address.Description} ({choice.Why})");
        // At once, and not at the end: when one of them takes long, it is known which.
        void Tell(string statement)
        {
            var isRemark = statement.StartsWith("--", StringComparison.Ordinal);
            if (!isRemark) statements.Add(statement);
            if (!wanted.AsJson) verb.Output.WriteLine(isRemark ? statement : $"{statement};");
        }
        var changes = wanted.IsDryRun ? SchemaChanges.Planned : SchemaChanges.All;
        var preparation = new Preparation(database, choice.Address, changes, TimeProvider.System, Tell) { WaitsForTurn = verb.Errors.WriteLine };
        var jobs = await preparation.RunAsync(program, stopping);
        var rights = wanted.IsDryRun || wanted.Role is not null
            ? await Rights.GrantsAsync(database, jobs, program.SetupStatements.Count > 0, wanted.Role ?? Rights.AnyRole, stopping)
            : [];
        if (wanted.AsJson)
        {
            var grants = rights.Count == 0 ? null : rights.Select(r => new GrantsJson(r.For.ToString().ToLowerInvariant(), r.Grants)).ToList();
            var told = new MigrateJson(wanted.IsDryRun, statements) { Grants = grants };
            await verb.Output.WriteLineAsync(JsonSerializer.Serialize(told, CommandJson.Default.MigrateJson));
            return ExitCode.Done;
        }
        await verb.Output.WriteLineAsync(Summary(statements.Count, wanted.IsDryRun));
        // Statements only where they are meant for somebody: what is printed may go to the database's own shell as it is.
        foreach (var line in Lines(rights))
        {
            var isRemark = line.StartsWith("--", StringComparison.Ordinal);
            await verb.Output.WriteLineAsync(isRemark || wanted.Role is not null ? line : $"--   {line}");
        }
        return ExitCode.Done;
    }

    private static IEnumerable<string> Lines(IReadOnlyList<RightsGroup> rights)
    {
        if (rights.Count > 0) yield return "-- The rights of a role that runs the program then, and no more:";
        foreach (var (what, grants) in rights)
        {
            yield return what switch
            {
                RightsFor.Dispatching => "-- and what dispatches (run, dispatcher)",
                RightsFor.Working => "-- and what runs tasks (run, node, worker); of the columns to update, those that no handler sets may be left out",
                RightsFor.Steering => "-- and who pauses, resumes, relaunches, retries, cancels, skips and runs now",
                _ => "-- every process",
            };
            foreach (var grant in grants) yield return $"{grant};";
        }
    }

    private static string Summary(int statements, bool isDryRun)
    {
        if (statements == 0) return "-- Nothing to do.";
        return isDryRun
            ? FormattableString.Invariant($"-- {statements:N0} statements would run; nothing was changed.")
            : FormattableString.Invariant($"-- Done: {statements:N0} statements.");
    }
}
