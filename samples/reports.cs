#:project ../src/Pampa/Pampa.csproj
using Microsoft.Extensions.Logging;
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup("CREATE TABLE IF NOT EXISTS reports (day date PRIMARY KEY, made_by text)");

    // At three o'clock in Madrid there is one more record to work on: the report of the day before.
    pampa.AddSchedule("nightly", "0 3 * * *", schedule =>
    {
        schedule.TimeZone = "Europe/Madrid";
        schedule.Do(tick => $"INSERT INTO reports (day) VALUES ({tick.Date.AddDays(-1)}) ON CONFLICT DO NOTHING");
    });

    pampa.AddJob("make_report", table: "reports", key: "day", job => job.Process(task =>
    {
        task.Log.LogInformation("making the report of {Day}", task.Key);
        task["made_by"] = task.Worker;
    }));
});
