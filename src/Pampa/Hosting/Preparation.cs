using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// What happens before anything runs: the connection, the control tables, the program's Setup, and the jobs against
/// their tables. Everything that is wrong is found here and told at once.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="address">Where it is.</param>
/// <param name="changes">What may be changed in it.</param>
/// <param name="time">Time.</param>
/// <param name="told">Told of each statement that changes something, before it runs.</param>
internal sealed partial class Preparation(
    Database database, DatabaseAddress address, SchemaChanges changes, TimeProvider time, Action<string>? told = null)
{
    private const int LongestQuote = 120;
    private readonly Schema schema = new(database, changes, told);

    private readonly List<string> unwoken = [];

    /// <summary>Told when a server that lets nobody in just now is waited for; null: it is not waited for.</summary>
    public Action<string>? Waits { get; init; }

    /// <summary>Told when another process is waited for that changes the database; null: whoever is told of a server is.</summary>
    public Action<string>? WaitsForTurn { get; init; }

    /// <summary>The jobs that want to be woken by inserts and whose tables have no trigger for that.</summary>
    public IReadOnlyList<string> Unwoken => unwoken;

    /// <summary>
    /// Told of the jobs that do not fit their tables, and why, where others do: for whoever looks at what there is. Null: one that does not is an
    /// error for all, as is one whose conditions the database does not take.
    /// </summary>
    public List<(string Job, string Why)>? Misfits { get; init; }

    /// <summary>What the process is going to do, so that what it may not do is told before it begins; null: it only looks.</summary>
    public IReadOnlyList<RightsFor>? Does { get; init; }

    /// <summary>Prepares the database and resolves the jobs.</summary>
    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public async Task<List<JobTable>> RunAsync(PampaBuilder program, CancellationToken stopping)
    {
        var errors = new List<string>();
        // Who only looks, or makes tables ready, runs no handler.
        var jobs = program.Build(errors, needsCode: changes == SchemaChanges.Own);
        if (await ConnectionErrorAsync(changes is SchemaChanges.Own or SchemaChanges.All, stopping) is { } unreachable)
        {
            errors.Add(unreachable);
            throw new PampaConfigurationException(errors);
        }
        // Setup changes the database, so it is not run for a program that is wrong; and what it would make cannot be
        // looked for then.
        if (errors.Count > 0 && program.SetupStatements.Count > 0 && changes is SchemaChanges.Own or SchemaChanges.All)
            throw new PampaConfigurationException(errors);
        return await ToldAsync(() => PrepareAsync(program, jobs, errors, stopping), errors);
    }

    /// <summary>The least: a connection and, where leases are wanted, the control tables.</summary>
    /// <exception cref="PampaConfigurationException">What is wrong.</exception>
    public async Task ConnectAsync(bool needsLeases, CancellationToken stopping)
    {
        if (await ConnectionErrorAsync(needsLeases, stopping) is { } unreachable) throw new PampaConfigurationException([unreachable]);
        if (!needsLeases) return;
        await ToldAsync(async () =>
        {
            await schema.CreateControlTablesAsync(stopping);
            return true;
        }, []);
    }

    // What the database refuses, in words.
    private async Task<T> ToldAsync<T>(Func<Task<T>> prepareAsync, List<string> errors)
    {
        try
        {
            return await prepareAsync();
        }
        catch (DbException e)
        {
            if (Refusal(e) is { } refusal) throw new PampaConfigurationException([.. errors, refusal]);
            if (database.Dialect.Classify(e) == ErrorKind.Locked)
                throw new PampaConfigurationException([.. errors, $"A table is in use by somebody else and could not be changed within 3 s ({Cause(e)}). What was done before it stays. End the long transaction that holds the table, and try again."]);
            throw new PampaConfigurationException([.. errors, $"Cannot prepare the database ({address.Description}): {Cause(e)}. {Remedy(e)}"]);
        }
    }

    private async Task<List<JobTable>> PrepareAsync(PampaBuilder program, List<JobDefinition> jobs, List<string> errors, CancellationToken stopping)
    {
        if (changes == SchemaChanges.None && await schema.LacksControlTablesAsync(stopping))
            throw new PampaConfigurationException([.. errors, NoTables]);
        if (changes != SchemaChanges.None) await schema.CreateControlTablesAsync(stopping);
        if (!await IsAllowedAsync(program, [], errors, stopping)) throw new PampaConfigurationException(errors);
        var jobTables = changes == SchemaChanges.All || (changes == SchemaChanges.Own && program.SetupStatements.Count > 0)
            ? await SetUpInTurnAsync(program, jobs, errors, stopping)
            : await SetUpAndResolveAsync(schema, program, jobs, errors, stopping);
        CheckSharedColumns(jobTables, errors);
        // What is wrong with a condition is told when it is asked.
        if (Misfits is not null && jobTables.Count > 0 && errors.Count == Misfits.Count) return jobTables;
        if (changes != SchemaChanges.Planned && await IsAllowedAsync(program, jobTables, errors, stopping))
        {
            foreach (var table in jobTables) await CheckSnippetsAsync(table, program.Cluster, errors, stopping);
        }
        if (changes == SchemaChanges.Own) await CheckSchedulesAsync(program, errors, stopping);
        return errors.Count == 0 ? jobTables : throw new PampaConfigurationException(errors);
    }

    // Which rights a look at the tables needs is told by the first statement that is refused.
    private async Task<bool> IsAllowedAsync(PampaBuilder program, List<JobTable> jobs, List<string> errors, CancellationToken stopping)
    {
        if (Does is null) return true;
        var control = jobs.Count > 0 ? [] : Rights.ToBegin([RightsFor.Anything, .. Does], program.SetupStatements.Count > 0);
        var missing = await database.Dialect.MissingRightsAsync(database, control, jobs, stopping);
        errors.AddRange(missing);
        return missing.Count == 0;
    }

    // Those who change the same things at the same time would wait for each other's locks, so they do it in turn. Where there is nothing to change
    // nobody needs one: of fifty that begin together the last would wait for all the others.
    private async Task<List<JobTable>> SetUpInTurnAsync(PampaBuilder program, List<JobDefinition> jobs, List<string> errors, CancellationToken stopping)
    {
        var found = new List<string>();
        try
        {
            var tables = await SetUpAndResolveAsync(new Schema(database, changes, _ => throw new ChangeNeededException()), program, jobs, found, stopping);
            if (found.Count == 0) return tables;
        }
        catch (ChangeNeededException)
        {
            // It takes its turn.
        }
        // What is missing may be what somebody is making just now.
        Misfits?.Clear();
        unwoken.Clear();
        var hasTurn = false;
        try
        {
            return await new SetupTurn(database, new ClusterStore(database, program.Cluster), time) { Waits = WaitsForTurn ?? Waits }.RunAsync(() =>
            {
                hasTurn = true;
                return SetUpAndResolveAsync(schema, program, jobs, errors, stopping);
            }, stopping);
        }
        catch (DbException e) when (!hasTurn && Refusal(e) is not null)
        {
            // Who may take no turn cannot look again: what was seen before it is told beside that.
            errors.AddRange(found);
            throw;
        }
    }

    /// <summary>The look has come to a statement that changes something.</summary>
    private sealed class ChangeNeededException : Exception;

    private async Task<List<JobTable>> SetUpAndResolveAsync(
        Schema schema, PampaBuilder program, List<JobDefinition> jobs, List<string> errors, CancellationToken stopping)
    {
        if (changes != SchemaChanges.None) await SetUpAsync(schema, program, jobs, stopping);
        var tables = new List<JobTable>();
        var wakeUps = new WakeUps(database, program.Cluster);
        foreach (var job in jobs)
        {
            var known = errors.Count;
            if (await schema.ResolveAsync(job, errors, stopping) is not { } table)
            {
                Misfits?.AddRange(errors.Skip(known).Select(error => (job.Name, error)));
                continue;
            }
            tables.Add(table);
            if (changes == SchemaChanges.None) continue;
            var missing = await wakeUps.MissingAsync(table, stopping);
            if (!await schema.TryChangeAsync(table, missing, stopping)) unwoken.Add(job.Name);
        }
        return tables;
    }

    private async Task SetUpAsync(Schema schema, PampaBuilder program, List<JobDefinition> jobs, CancellationToken stopping)
    {
        var names = jobs.Select(j => TableName.Parse(j.Table)).OfType<TableName>().Distinct().ToList();
        try
        {
            await schema.RunSetupAsync(program.SetupStatements, names, stopping);
        }
        catch (Exception e) when (database.Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data or ErrorKind.Other && e is DbException)
        {
            throw new PampaConfigurationException([Refusal(e) is { } refusal
                ? $"Setup: {refusal}"
                : $"Setup: the database refuses a statement: {Cause(e)}. The statement is \"{Failed(e)}\". Mend the statement; those before it have been run and are not run again."]);
        }
    }

    private async Task<string?> ConnectionErrorAsync(bool writes, CancellationToken stopping)
    {
        var dialect = database.Dialect;
        try
        {
            var admission = new Admission(dialect, address.Description, Waits, time);
            var misfit = await admission.EnterAsync(async () =>
            {
                // Given back before anything is asked: there may be one only.
                await (await database.Source.OpenConnectionAsync(stopping)).DisposeAsync();
                return await dialect.MisfitAsync(database, writes, stopping);
            }, stopping);
            return misfit is null ? null : $"Cannot use the database ({address.Description}): {misfit}";
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var (cause, known) = await dialect.TroubleAsync(e, address.ConnectionString, stopping);
            var remedy = dialect.MissingRight(e, "", address.ConnectionString) ?? known ?? dialect.ConnectionRemedy;
            return $"Cannot connect to the database ({address.Description}): {cause}. {remedy}";
        }
    }

    // Which statement the user may not run, and what would let him.
    private string? Refusal(Exception error) => database.Dialect.MissingRight(error, Statement(error), address.ConnectionString) is { } remedy
        ? $"The database user lacks a right: {Cause(error).Split(" POSITION:")[0].TrimEnd()}. The statement is \"{Failed(error)}\". {remedy}"
        : null;

    private static string Statement(Exception error) => error.Data[Database.FailedStatement] as string ?? "";

    private static string Failed(Exception error)
    {
        var line = string.Join(' ', Statement(error).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length > LongestQuote ? $"{line[..LongestQuote]}…" : line;
    }

    private string Remedy(Exception error) => database.Dialect.Classify(error) == ErrorKind.Infrastructure
        ? database.Dialect.Trouble(error).Remedy ?? database.Dialect.ConnectionRemedy
        : "Pampa needs the right to read the catalog, and to create its own tables (pampa_…) unless they exist.";

    private static string Cause(Exception error)
    {
        while (error.InnerException is { } inner) error = inner;
        return error.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
    }

    private static void CheckSharedColumns(List<JobTable> tables, List<string> errors)
    {
        foreach (var same in tables.GroupBy(t => (t.Table.Schema, t.Table.Name)))
        {
            foreach (var shared in same.SelectMany(t => t.State.Select(c => (t.Job.Name, Column: c.Name))).GroupBy(c => c.Column).Where(g => g.Count() > 1))
                errors.Add($"Jobs {string.Join(" and ", shared.Select(s => $"'{s.Name}'"))} share the state column '{shared.Key}' of table '{same.Key.Name}'. Each job needs seven columns of its own.");
        }
    }

    private async Task CheckSnippetsAsync(JobTable table, string cluster, List<string> errors, CancellationToken stopping)
    {
        var store = new TaskStore(database, table, cluster, new Random(0));
        if ((table.Job.Where is not null || table.Job.OrderBy is not null)
            && !await IsAcceptedAsync(table.Job, "Where or OrderBy", store.ProbeAsync, errors, stopping)) return;
        if (table.Job.Selecting?.Statement is not null) await IsAcceptedAsync(table.Job, "Select", store.ProbeSelectAsync, errors, stopping);
        if (table.Job.Allowing?.Where is not null) await IsAcceptedAsync(table.Job, "AllowWhere", store.ProbeAllowedAsync, errors, stopping);
        if (table.Job.Relaunching?.Where is not null) await IsAcceptedAsync(table.Job, "RelaunchWhere", store.ProbeRelaunchAsync, errors, stopping);
    }

    private async Task<bool> IsAcceptedAsync(
        JobDefinition job, string what, Func<CancellationToken, Task> probeAsync, List<string> errors, CancellationToken stopping)
    {
        try
        {
            await probeAsync(stopping);
            return true;
        }
        catch (Exception e) when (IsBusy(e))
        {
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException && database.Dialect.Classify(e) is not ErrorKind.Infrastructure)
        {
            errors.Add($"Job '{job.Name}': the database does not accept {what}: {Cause(e)}.");
            return false;
        }
    }

    // That somebody holds the table just now says nothing of the statement: if it does not fit, the job is suspended when it is asked for.
    private bool IsBusy(Exception error) => database.Dialect.Classify(error) is ErrorKind.Locked or ErrorKind.Retry;
}
