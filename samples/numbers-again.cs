#:project ../src/Pampa/Pampa.csproj
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup(
        "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
        """
        INSERT INTO numbers (value)
        WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000)
        SELECT value FROM n WHERE TRUE ON CONFLICT DO NOTHING
        """);

    pampa.AddJob("search_odd_numbers", table: "numbers", key: "value", job =>
    {
        job.Columns = TaskColumns.WithPrefix("odd_checking") with { Generation = "odd_checking_generation" };
        job.WorkerFilter = @"\.1$";
        job.MaxPendingTasks = 10;
        job.MaxAssignedWorkers = 5;

        // The laws of the universe may have changed: each number is looked at again ten minutes after it was, whatever came of it, for ever.
        job.RelaunchAfter = TimeSpan.FromMinutes(10);
        job.RelaunchFailed = true;
        job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0);
    });
});
