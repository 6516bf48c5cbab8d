#:project ../src/Pampa/Pampa.csproj
using Microsoft.Extensions.Logging;
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
        job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0);
    });

    // A second job on the same table, with seven columns of its own: it goes on with what the first one has found.
    pampa.AddJob("submit_odd_numbers", table: "numbers", key: "value", job =>
    {
        job.Columns = TaskColumns.WithPrefix("submit_odd");
        job.MaxPendingTasks = 10;
        job.MaxAssignedWorkers = 5;

        // Which records are tasks at all: so the counts are of odd numbers only.
        job.Where = $"odd_checking_success AND is_odd";

        // In the order in which they were checked, the last one first.
        job.Select($"""
            SELECT value FROM numbers
            WHERE submit_odd_reservation_id IS NULL AND submit_odd_end_time IS NULL
              AND odd_checking_end_time IS NOT NULL AND odd_checking_success AND is_odd
            ORDER BY odd_checking_end_time DESC LIMIT @n
            """);
        job.Process(task => task.Log.LogDebug("here {Value} would be sent to a server, with the key {Key}", task.Key, task.IdempotencyKey));
    });
});
