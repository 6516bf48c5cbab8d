#:project ../../../../src/Pampa/Pampa.csproj
using System.Globalization;
using Microsoft.Extensions.Logging;
using Pampa;

// What a test asks for stands in the environment: the command line is the program's own.
var which = Environment.GetEnvironmentVariable("PAMPA_TEST_CASE");
var options = new StandAloneOptions
{
    Name = "mirror",
    Delay = TimeSpan.FromSeconds(0.1),
    ShutdownTimeout = TimeSpan.FromSeconds(which == "endless" ? 60 : 1),
    SingleInstance = which is "single" or "starving",
    Lease = TimeSpan.FromSeconds(4),
    OnStart = (start, _) =>
    {
        start.Log.LogInformation("this is the start");
        return Task.CompletedTask;
    },
};

return await PampaApp.RunStandAloneAsync(args, options, async (run, stopping) =>
{
    Note($"begin {run.Number} {run.Term}");
    using var step = run.Log.Step("mirroring");
    switch (which)
    {
        case "waiting":
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stopping);
            break;
        case "deaf" or "endless":
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
            break;
        case "failing":
            throw new InvalidOperationException("the site is down");
        case "starving":
            // More than the thread pool has, for several leases.
            for (var i = 0; i < 30; i++) ThreadPool.QueueUserWorkItem(_ => Thread.CurrentThread.Join(TimeSpan.FromSeconds(13)));
            Thread.CurrentThread.Join(TimeSpan.FromSeconds(13));
            Note($"end {run.Number} {run.CancellationReason}");
            break;
        case "reading":
            await using (var connection = await run.Database!.OpenConnectionAsync(stopping))
            {
                await using var command = connection.CreateCommand();
                command.CommandText = "SELECT 6 * 7";
                Note($"answer {Convert.ToString(await command.ExecuteScalarAsync(stopping), CultureInfo.InvariantCulture)}");
            }
            break;
    }
    step.Done();
});

void Note(string line) => File.AppendAllText(Environment.GetEnvironmentVariable("PAMPA_TEST_NOTES") ?? "notes", $"{Environment.ProcessId} {line}\n");
