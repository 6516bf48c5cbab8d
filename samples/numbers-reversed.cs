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
        job.Columns = TaskColumns.WithPrefix("odd_checking");
        job.WorkerFilter = @"\.1$";
        job.MaxPendingTasks = 10;
        job.MaxAssignedWorkers = 5;

        // Which records are done next, and in which order. It only chooses: a record that is held, done or out of attempts is never
        // taken, whatever stands here. For an order alone job.OrderBy = $"value DESC" does as well.
        job.Select($"""
            SELECT value FROM numbers
            WHERE odd_checking_reservation_id IS NULL AND odd_checking_end_time IS NULL
            ORDER BY value DESC LIMIT @n
            """);
        job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0);
    });
});
