namespace Pampa.Serving;

/// <summary>The verb <c>dashboard</c> of a program; the library finds it by its name.</summary>
internal static class DashboardVerb
{
    public static VerbCommand Create(VerbContext context)
    {
        var command = new VerbCommand("dashboard", "Serves the dashboard, and runs no task. It answers only this computer, unless somebody must sign in.")
        {
            Examples =
            [
                ("dashboard", "On http://127.0.0.1:3000/."),
                ("dashboard --listen 0.0.0.0 --auth token", "For other computers, with a secret that is printed at the start."),
            ],
        };
        var database = VerbContext.DatabaseOption();
        var serve = new ServeOptions(Environment.GetEnvironmentVariable);
        serve.AddTo(command);
        command.Options.Add(database);
        command.SetAction(async parsed =>
        {
            try
            {
                // What would open it too far is told before anything is opened.
                var plan = serve.Read(parsed);
                return await context.WithClusterAsync(parsed.GetValue(database), async (cluster, of, stopping) =>
                    await new Server(cluster, plan with { Database = $"{of.Description} ({of.Why})" }, context.Output, context.Errors).RunAsync(stopping));
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
