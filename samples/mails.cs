#:project ../src/Pampa/Pampa.csproj
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup(
        "CREATE TABLE IF NOT EXISTS mails (id bigint PRIMARY KEY, customer_id bigint, priority int NOT NULL DEFAULT 0, send_at timestamp, sent_by text)",
        """
        INSERT INTO mails (id, customer_id, priority)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300)
        SELECT id, id % 20, CASE WHEN id % 20 = 7 THEN -1 ELSE 0 END FROM n
        """,
        // A day after the sign-up, and not before.
        "INSERT INTO mails (id, customer_id, send_at) VALUES (1000, 1000, '2999-12-31 12:00:00')");

    pampa.AddJob("send_mails", table: "mails", key: "id", job =>
    {
        // Customer 7 is in a hurry; each customer gets his mails one after the other.
        job.PriorityColumn = "priority";
        job.InSequenceBy("customer_id");
        job.DueColumn = "send_at";
        job.Process(task => task["sent_by"] = task.Worker);
    });
});
