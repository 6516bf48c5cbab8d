using Pampa.Hosting;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>What a job that runs its records again needs of its table.</summary>
public sealed class RelaunchSetupTests
{
    private static async Task<List<string>> MigrateAsync(TestDatabase db, SchemaChanges changes)
    {
        var told = new List<string>();
        var program = new PampaBuilder();
        program.AddJob("price", "orders", "id", job =>
        {
            job.RelaunchAfter = TimeSpan.FromHours(1);
            job.Process(_ => { });
        });
        var address = new DatabaseAddress(db.Database.Dialect, db.Source.ConnectionString);
        await new Preparation(db.Database, address, changes, TimeProvider.System, told.Add).RunAsync(program, TestContext.Current.CancellationToken);
        return told;
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.PostgreSql)]
    [InlineData(Engine.Portable)]
    internal async Task Migrate_makes_the_index_of_ends_and_finds_it_there_the_next_time(Engine engine)
    {
        await using var db = await TestDatabase.CreateAsync(engine, null);
        await db.ExecuteAsync("CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY)");
        var planned = await MigrateAsync(db, SchemaChanges.Planned);
        // Those of what is open, of what has failed, and of ends.
        Assert.Equal(3, planned.Count(s => s.StartsWith("CREATE INDEX", StringComparison.Ordinal)));
        var ofEnds = Assert.Single(planned, s => s.EndsWith("(\"price_end_time\") WHERE \"price_end_time\" IS NOT NULL", StringComparison.Ordinal));
        Assert.Equal(engine == Engine.PostgreSql, ofEnds.StartsWith("CREATE INDEX CONCURRENTLY IF NOT EXISTS", StringComparison.Ordinal));
        Assert.Equal(planned, await MigrateAsync(db, SchemaChanges.All));
        Assert.Empty(await MigrateAsync(db, SchemaChanges.All));
    }
}
