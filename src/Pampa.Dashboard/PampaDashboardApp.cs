using System.CommandLine;
using Pampa.Serving;

namespace Pampa;

/// <summary>
/// The dashboard as a program of its own, which has no jobs and needs nothing but the database's address:
/// <c>return await PampaDashboardApp.RunAsync(args);</c> A program that has jobs and references this package has the verb
/// <c>dashboard</c> instead.
/// </summary>
public static class PampaDashboardApp
{
    /// <summary>
    /// Serves the dashboard of the jobs that processes have published in a database (<see cref="PampaCluster.OpenPublishedAsync"/>), as the
    /// arguments say (<c>--help</c> lists them), until it is told to stop.
    /// </summary>
    /// <param name="args">The program's arguments.</param>
    /// <returns>The exit code: 0 done, 2 configuration or connection, 5 internal error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        var root = new RootCommand("Serves the dashboard of a Pampa cluster from nothing but the address of its database.");
        var cluster = new Option<string>("--cluster") { HelpName = "NAME", Description = "The cluster's name.", DefaultValueFactory = _ => "pampa" };
        var database = new Option<string?>("--db")
        {
            HelpName = "ADDRESS",
            Description = "The database: a URL without a password, a SQLite file, env:NAME or file:PATH (default: PAMPA_DATABASE_URL).",
        };
        var serve = new ServeOptions(Environment.GetEnvironmentVariable);
        root.Options.Add(database);
        root.Options.Add(cluster);
        serve.AddTo(root);
        root.SetAction(async (parsed, stopping) =>
        {
            try
            {
                var plan = serve.Read(parsed);
                var address = parsed.GetValue(database);
                await using var opened = await PampaCluster.OpenPublishedAsync(address, parsed.GetValue(cluster)!, stopping);
                return await new Server(opened, plan, Console.Out, Console.Error).RunAsync(stopping);
            }
            catch (PampaConfigurationException e)
            {
                foreach (var error in e.Errors) await Console.Error.WriteLineAsync(error);
                return Server.Misconfigured;
            }
        });
        // The server stops by its own signals; it may need longer than the library's two seconds.
        return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
