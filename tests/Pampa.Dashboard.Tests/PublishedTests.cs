using Microsoft.Data.Sqlite;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests;

/// <summary>A look at a cluster from nothing but its database.</summary>
public sealed class PublishedTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Jobs_are_those_that_processes_have_published()
    {
        await using var site = await StartAsync();
        await using var published = await site.OpenPublishedAsync(Stopping);
        Assert.Equal(["price_orders"], await published.JobsAsync(Stopping));
        Assert.Equal(3, (await published.ReportAsync("price_orders", exact: true, Stopping)).Pending);
        Assert.Equal("2", (await published.TaskAsync("price_orders", "2", null, Stopping))?.Task.Key);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"table":"orders","key":[],"columns":{}}""")]
    [InlineData("""{"table":5,"key":["id"],"columns":{}}""")]
    [InlineData("""{"table":"orders","key":["id"],"columns":{"reservationId":"x"}}""")]
    public async Task A_definition_that_is_none_is_told(string definition)
    {
        await using var site = await StartAsync();
        await ChangeAsync(site, definition);
        var error = await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenPublishedAsync(site.Database, cancellationToken: Stopping));
        Assert.Contains("price_orders", Assert.Single(error.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_that_stands_in_the_database_becomes_a_statement()
    {
        await using var site = await StartAsync();
        await ChangeAsync(site, """
            {"table":"orders; DROP TABLE orders","key":["id"],"where":"1=1; DROP TABLE orders","columns":
            {"reservationId":"a\"; DROP TABLE orders; --","reservationTime":"b","reservationTimes":"c","startTime":"d","endTime":"e","success":"f","errorDescription":"g"}}
            """);
        await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenPublishedAsync(site.Database, cancellationToken: Stopping));
        Assert.Equal(3, (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Pending);
    }

    [Fact]
    public async Task Where_nobody_has_published_anything_it_is_said()
    {
        await using var site = await StartAsync();
        var other = await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenPublishedAsync(site.Database, "another", Stopping));
        Assert.Contains("'another'", Assert.Single(other.Errors), StringComparison.Ordinal);
        var empty = Path.Combine(Path.GetDirectoryName(site.Database)!, "empty.db");
        var none = await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenPublishedAsync(empty, cancellationToken: Stopping));
        Assert.Contains("There is no file", Assert.Single(none.Errors), StringComparison.Ordinal);
        await File.WriteAllBytesAsync(empty, [], Stopping);
        none = await Assert.ThrowsAsync<PampaConfigurationException>(() => PampaCluster.OpenPublishedAsync(empty, cancellationToken: Stopping));
        Assert.Contains("no tables of Pampa's", Assert.Single(none.Errors), StringComparison.Ordinal);
    }

    private static async Task<Site> StartAsync()
    {
        var site = await Site.StartAsync();
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Nodes.Count > 0);
        await site.UntilPublishedAsync();
        return site;
    }

    private static async Task ChangeAsync(Site site, string definition)
    {
        await using var connection = new SqliteConnection($"Data Source={site.Database};Pooling=False;Default Timeout=30");
        await connection.OpenAsync(Stopping);
        await using var update = connection.CreateCommand();
        update.CommandText = "UPDATE pampa_job SET definition = $definition";
        update.Parameters.AddWithValue("$definition", definition);
        Assert.Equal(1, await update.ExecuteNonQueryAsync(Stopping));
    }
}
