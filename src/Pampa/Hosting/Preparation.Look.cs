using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>What there is, whatever is wrong with it.</summary>
/// <param name="Tables">The jobs that fit their tables.</param>
/// <param name="Errors">What does not fit.</param>
/// <param name="HasControlTables">Whether anything of Pampa's was ever made here.</param>
/// <param name="Unreachable">Why the database cannot be reached; then nothing else is known.</param>
internal sealed record Findable(List<JobTable> Tables, IReadOnlyList<string> Errors, bool HasControlTables, string? Unreachable = null);

/// <summary>The same look, for somebody who wants to know what is wrong and not to begin.</summary>
internal sealed partial class Preparation
{
    private const string NoTables = "This database has no tables of Pampa's yet, so nothing has run on it. Run the program, or its verb 'migrate'.";

    /// <summary>Resolves those jobs that can be, changes nothing, and throws for nothing that is the program's or the table's fault.</summary>
    public async Task<Findable> LookAsync(PampaBuilder program, CancellationToken stopping)
    {
        var errors = new List<string>();
        var jobs = program.Build(errors, needsCode: false);
        if (await ConnectionErrorAsync(writes: false, stopping) is { } unreachable) return new Findable([], errors, false, unreachable);
        var hasControlTables = !await schema.LacksControlTablesAsync(stopping);
        if (!hasControlTables) errors.Add(NoTables);
        var tables = await SetUpAndResolveAsync(schema, program, jobs, errors, stopping);
        CheckSharedColumns(tables, errors);
        return new Findable(tables, errors, hasControlTables);
    }

    /// <summary>The jobs that processes of a cluster have published and that still fit their tables.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="leftOut">Told of each one that does not, where others do; null: nobody is.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="PampaConfigurationException">There is none, or the database does not answer.</exception>
    public async Task<List<(string Name, PublishedStructure Structure)>> PublishedAsync(
        string cluster, Action<string>? leftOut, CancellationToken stopping)
    {
        if (await ConnectionErrorAsync(writes: false, stopping) is { } unreachable) throw new PampaConfigurationException([unreachable]);
        return await ToldAsync(async () =>
        {
            if (await schema.LacksControlTablesAsync(stopping)) throw new PampaConfigurationException([NoTables]);
            var rows = await new ClusterStore(database, cluster).ReadPublishedAsync(stopping);
            var jobs = new List<(string, PublishedStructure)>();
            var errors = new List<string>();
            foreach (var row in rows)
            {
                if (PublishedJob.ReadStructure(row.Definition) is not { } structure)
                {
                    errors.Add($"Job '{row.Job}': its definition in pampa_job is not one that this version of Pampa understands. Look with the version that has published it ({row.Program}).");
                    continue;
                }
                if (await FitsAsync(row.Job, structure, errors, stopping)) jobs.Add((row.Job, structure));
            }
            if (jobs.Count > 0)
            {
                foreach (var error in errors) leftOut?.Invoke($"Left out: {error}");
                return jobs;
            }
            if (errors.Count == 0)
                errors.Add($"No process of the cluster '{cluster}' has published a job in this database ({address.Description}). Run the program once, or name another cluster.");
            throw new PampaConfigurationException(errors);
        }, []);
    }

    private async Task<bool> FitsAsync(string name, PublishedStructure structure, List<string> errors, CancellationToken stopping)
    {
        var program = new PampaBuilder();
        program.AddPublished(name, structure);
        var wrong = errors.Count;
        foreach (var job in program.Build(errors, needsCode: false)) await schema.ResolveAsync(job, errors, stopping);
        return errors.Count == wrong;
    }
}
