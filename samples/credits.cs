#:project ../src/Pampa/Pampa.csproj
using System.Globalization;
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup(
        "CREATE TABLE IF NOT EXISTS clients (id bigint PRIMARY KEY, credits bigint NOT NULL CHECK (credits >= 0))",
        "CREATE TABLE IF NOT EXISTS messages (id bigint PRIMARY KEY, client_id bigint NOT NULL, is_sent boolean)",
        """
        INSERT INTO clients (id, credits)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 10) SELECT id, 100 FROM n
        """,
        """
        INSERT INTO messages (id, client_id)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 1000) SELECT id, id % 10 + 1 FROM n
        """);

    pampa.AddJob("send_messages", table: "messages", key: "id", job =>
    {
        job.MaxAttempts = 10;
        job.Backoff = Backoff.Fixed(TimeSpan.FromSeconds(1));

        // Nobody is given work while nobody has credits; of those that may, the first node's workers come first.
        job.AllowWhere = $"EXISTS (SELECT 1 FROM clients WHERE credits > {0})";
        job.WorkerOrderBy(worker => (worker.InHand, worker.Node));

        // A credit is taken with the start and given back unless the message is sent: in the same transactions, so that none is lost.
        job.OnStarting(message => $"UPDATE clients SET credits = credits - 1 WHERE id = {message.Get<long>("client_id")}");
        job.OnFinished(message =>
        {
            if (message.Outcome == TaskOutcome.Completed) return null;
            return $"UPDATE clients SET credits = credits + 1 WHERE id = {message.Get<long>("client_id")}";
        });
        job.OnFinished(message =>
        {
            if (message.Outcome == TaskOutcome.Failed) Console.Error.WriteLine($"Message {message.Key} could not be sent: {message.Error}");
        });

        // What waits for credits is not called pending.
        job.Report(async (context, stopping) =>
        {
            var counted = await context.CountAsync(stopping);
            await using var command = context.Database.CreateCommand("SELECT count(*) FROM clients WHERE credits > 0");
            var rich = Convert.ToInt64(await command.ExecuteScalarAsync(stopping), CultureInfo.InvariantCulture);
            return rich > 0 ? counted : counted with { Pending = 0, Scheduled = counted.Scheduled + counted.Pending };
        });

        job.Process(task =>
        {
            if (task.Attempt == 1 && task.Get<long>("id") % 10 == 3) throw new IOException("the gateway does not answer");
            task["is_sent"] = true;
        });
    });
});
