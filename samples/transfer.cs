#:project ../src/Pampa/Pampa.csproj
using System.Data.Common;
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup(
        "CREATE TABLE IF NOT EXISTS accounts (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0))",
        "CREATE TABLE IF NOT EXISTS transfers (id bigint PRIMARY KEY, from_account bigint NOT NULL, to_account bigint NOT NULL, amount bigint NOT NULL)",
        """
        INSERT INTO accounts (id, balance)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 10) SELECT id, 1000 FROM n
        """,
        """
        INSERT INTO transfers (id, from_account, to_account, amount)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 1000) SELECT id, id % 10 + 1, id * 7 % 10 + 1, id % 5 FROM n
        """);

    pampa.AddJob("transfer_money", table: "transfers", key: "id", job =>
    {
        // Both accounts and the completed transfer, or nothing: an account that would fall below zero fails the transfer.
        job.MaxAttempts = 1;
        job.ProcessInTransaction(async (task, connection, transaction) =>
        {
            await AddAsync(task.Get<long>("from_account"), -task.Get<long>("amount"));
            await AddAsync(task.Get<long>("to_account"), task.Get<long>("amount"));

            async Task AddAsync(long account, long amount)
            {
                await using var command = connection.CreateCommand();
                command.Transaction = transaction;
                command.CommandText = "UPDATE accounts SET balance = balance + @amount WHERE id = @id";
                Add(command, "amount", amount);
                Add(command, "id", account);
                await command.ExecuteNonQueryAsync(task.CancellationToken);
            }
        });
    });
});

static void Add(DbCommand command, string name, object value)
{
    var parameter = command.CreateParameter();
    parameter.ParameterName = name;
    parameter.Value = value;
    command.Parameters.Add(parameter);
}
