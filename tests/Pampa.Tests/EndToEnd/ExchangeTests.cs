using System.Globalization;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>The sample that takes orders in batches: each has its own outcome, and a kill costs those of the batches that ran one attempt.</summary>
public sealed class ExchangeTests(ProgramFixture programs)
{
    private const string Exchange = "samples/exchange.cs";
    private const string Completed = "convert_orders_end_time IS NOT NULL AND convert_orders_success";
    private const string Failed = "convert_orders_end_time IS NOT NULL AND NOT convert_orders_success";

    [Theory, InlineData(Engine.Sqlite), InlineData(Engine.PostgreSql), InlineData(Engine.Portable)]
    internal async Task After_a_kill_in_the_middle_each_order_has_its_own_end(Engine engine)
    {
        await using var database = await NumbersDatabase.CreateAsync(engine, programs, new Readiness(Exchange) { Own = ["SELECT ON rates"] });
        Task<Child> StartAsync() => programs.StartAsync(Exchange, [.. database.Arguments, "--drain"], database.Environment);
        var killed = await StartAsync();
        await killed.UntilAsync(async () => await database.CountAsync(Completed, "orders") >= 10_000, "10,000 are completed");
        await killed.KillAsync();
        Assert.True(await database.CountAsync("convert_orders_end_time IS NULL", "orders") > 2_000, "it was killed too late");
        var running = await database.CountAsync("convert_orders_start_time IS NOT NULL AND convert_orders_end_time IS NULL", "orders");

        var next = await StartAsync();

        Assert.Equal(1, await next.EndAsync());
        Assert.Equal((99_900, 100), (await database.CountAsync(Completed, "orders"), await database.CountAsync(Failed, "orders")));
        Assert.Equal(100, await database.CountAsync("id % 1000 = 0 AND convert_orders_error_description = 'there is no rate for ZZZ' AND euros IS NULL", "orders"));
        var sum = (await database.ReadAsync("SELECT sum(o.amount * r.euros) - sum(o.euros) FROM orders AS o JOIN rates AS r ON r.currency = o.currency"))[0][0];
        Assert.Equal(0, Convert.ToDouble(sum, CultureInfo.InvariantCulture), 3);
        Assert.Equal((running, 0), (await database.CountAsync("convert_orders_reservation_times = 2", "orders"), await database.CountAsync("convert_orders_reservation_times > 2", "orders")));
    }
}
