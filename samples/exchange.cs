#:project ../src/Pampa/Pampa.csproj
using System.Data.Common;
using Pampa;

return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup(
        "CREATE TABLE IF NOT EXISTS rates (currency text PRIMARY KEY, euros double precision NOT NULL)",
        "INSERT INTO rates (currency, euros) VALUES ('CHF', 1.05), ('GBP', 1.2), ('USD', 0.9)",
        "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, currency text NOT NULL, amount double precision NOT NULL, euros double precision)",
        """
        INSERT INTO orders (id, currency, amount)
        WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 100000)
        SELECT id, CASE WHEN id % 1000 = 0 THEN 'ZZZ' WHEN id % 3 = 0 THEN 'CHF' WHEN id % 3 = 1 THEN 'GBP' ELSE 'USD' END, id FROM n
        """);

    pampa.AddJob("convert_orders", table: "orders", key: "id", job =>
    {
        // One question for up to five hundred orders. Each still has an outcome of its own.
        job.ProcessBatch<Order>(500, async (batch, cancellationToken) =>
        {
            var rates = await RatesAsync(batch[0].Database, cancellationToken);
            foreach (var task in batch)
            {
                var order = task.Row;
                if (rates.TryGetValue(order.Currency, out var rate)) task.Row = order with { Euros = order.Amount * rate };
                else task.Fail($"there is no rate for {order.Currency}", permanently: true);
            }
        });
    });
});

static async Task<Dictionary<string, double>> RatesAsync(DbDataSource database, CancellationToken cancellationToken)
{
    var rates = new Dictionary<string, double>();
    await using var command = database.CreateCommand("SELECT currency, euros FROM rates");
    await using var reader = await command.ExecuteReaderAsync(cancellationToken);
    while (await reader.ReadAsync(cancellationToken)) rates[reader.GetString(0)] = reader.GetDouble(1);
    return rates;
}

internal sealed record Order(long Id, string Currency, double Amount, double? Euros);
