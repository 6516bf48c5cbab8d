using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa;

/// <content>A look without the program.</content>
public sealed partial class PampaCluster
{
    /// <summary>
    /// Opens a cluster from nothing but its database: the jobs are those that its processes have published there, with their tables, keys,
    /// columns and limits. Code and conditions of a job are its program's alone, so no task runs here, and records that a condition of the
    /// job (<see cref="JobBuilder.Where"/>) leaves out are counted and listed as well. A job whose definition does not fit its table any
    /// more is left out. Nothing is set up.
    /// </summary>
    /// <param name="database">
    /// The database's address, as <see cref="PampaBuilder.Database"/> has it. Default null: what the environment says, as ever.
    /// </param>
    /// <param name="cluster">The cluster's name; default <c>pampa</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="PampaConfigurationException">
    /// Everything that is wrong: no database answers there, nothing of Pampa's was ever in it, or no process has published a job.
    /// </exception>
    public static async Task<PampaCluster> OpenPublishedAsync(
        string? database = null, string cluster = "pampa", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        var choice = await DatabaseChoice.Choose(null, database, Environment.GetEnvironmentVariable).RecogniseAsync(cancellationToken);
        return await OpenPublishedAsync(choice.Address, cluster, cancellationToken);
    }

    internal static async Task<PampaCluster> OpenPublishedAsync(DatabaseAddress address, string cluster, CancellationToken stopping) =>
        await OpenAsync(await PublishedAsync(address, cluster, leftOut: null, stopping), address, SchemaChanges.None, stopping);

    /// <summary>The jobs that are published in a database, as a program that cannot run them.</summary>
    internal static async Task<PampaBuilder> PublishedAsync(DatabaseAddress address, string cluster, Action<string>? leftOut, CancellationToken stopping)
    {
        // SQLite would make it.
        if (address.MissingFile is { } file) throw new PampaConfigurationException([$"There is no file '{file}': give the database of a program that has run."]);
        var program = new PampaBuilder { Cluster = cluster };
        await using var opened = new Database(address.Dialect.Open(address.ConnectionString, "pampa/look", 1), address.Dialect, TimeProvider.System, Chance.Shared);
        var preparation = new Preparation(opened, address, SchemaChanges.None, TimeProvider.System);
        foreach (var job in await preparation.PublishedAsync(cluster, leftOut, stopping)) program.AddPublished(job.Name, job.Structure);
        return program;
    }
}
