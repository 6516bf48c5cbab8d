using System.CommandLine;

namespace Pampa.Serving;

/// <summary>The verb <c>dashboard</c> of a program; the library finds it by its name.</summary>
internal sealed class DashboardVerb : PampaVerb
{
    public override Command Create(PampaVerbContext context)
    {
        var command = PampaVerbContext.NewCommand(
            "dashboard", "Serves the dashboard, and runs no task. It answers only this computer, unless somebody must sign in.",
            ("dashboard", "On http://127.0.0.1:3000/."),
            ("dashboard --listen 0.0.0.0 --auth token", "For other computers, with a secret that is printed at the start."));
        var database = PampaVerbContext.NewDatabaseOption();
        var serve = new ServeOptions(Environment.GetEnvironmentVariable);
        serve.AddTo(command);
        command.Options.Add(database);
        command.SetAction(async (parsed, stopping) =>
        {
            try
            {
                // What would open it too far is told before anything is opened.
                var plan = serve.Read(parsed);
                return await context.RunAsync(parsed.GetValue(database), async (cluster, described) =>
                    await new Server(cluster, plan with { Database = described }, context.Output).RunAsync(stopping), stopping);
            }
            catch (PampaConfigurationException e)
            {
                foreach (var error in e.Errors) await context.Errors.WriteLineAsync(error);
                return Server.Misconfigured;
            }
        });
        return command;
    }
}
