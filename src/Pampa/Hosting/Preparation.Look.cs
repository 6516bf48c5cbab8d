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
        var tables = await SetUpAndResolveAsync(program, jobs, errors, stopping);
        CheckSharedColumns(tables, errors);
        return new Findable(tables, errors, hasControlTables);
    }
}
