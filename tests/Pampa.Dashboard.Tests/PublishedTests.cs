using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;
using Pampa.Showing;

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
        const string hostile = """
            "a\"; DROP TABLE orders; --"
            """;
        foreach (var (name, value) in new[] { ("dueColumn", hostile), ("priorityColumn", hostile), ("sequence", $"[{hostile}]") })
        {
            await site.WriteAsync($"UPDATE pampa_job SET definition = json_set(definition, '$.{name}', json('{value}'))");
            var error = await Assert.ThrowsAsync<PampaConfigurationException>(
                () => PampaCluster.OpenPublishedAsync(site.Database, cancellationToken: Stopping));
            Assert.Contains("has no column 'a\"; DROP TABLE orders; --'", Assert.Single(error.Errors), StringComparison.Ordinal);
            await site.WriteAsync($"UPDATE pampa_job SET definition = json_remove(definition, '$.{name}')");
        }
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

    [Theory, InlineData("cancel"), InlineData("skip"), InlineData("runnow")]
    public async Task What_is_refused_for_all_that_match_is_refused_with_the_question(string action)
    {
        await using var site = await StartAsync(pampa => Shop.Small(pampa, job => job.Where = $"amount > {15}"));
        await using var published = await site.OpenPublishedAsync(Stopping);
        await site.WriteAsync("UPDATE orders SET price_orders_reservation_time = '2199-01-01T00:00:00.000Z'");
        var acts = ActsOf(published);
        var words = await Assert.ThrowsAsync<ArgumentException>(() => published.ApplyAsync(
            "price_orders", Query.ParseWord<TaskAction>("action", action), new TaskFilter { KeyPrefix = "1" }, cancellationToken: Stopping));
        Assert.Contains("has a condition (Where) that only its own program knows", words.Message, StringComparison.Ordinal);
        foreach (var filter in (FilterOrder[])[new(), new(["scheduled"]), new(Where: ["id > 0"])])
        {
            var refused = await Assert.ThrowsAsync<ArgumentException>(() => acts.PreviewAsync(new RecordsOrder(action, "price_orders", filter), "ada", Stopping));
            Assert.Equal(words.Message, refused.Message);
        }
        // Whoever has chosen them has seen what they are; and what has ended has been a task.
        Assert.Equal(new PreviewShape(1, 0, true, true, null), await acts.PreviewAsync(new RecordsOrder(action, "price_orders", Keys: ["2"]), "ada", Stopping));
        Assert.Equal(new PreviewShape(0, 0, true, true, null), await acts.PreviewAsync(new RecordsOrder("retry", "price_orders", new FilterOrder()), "ada", Stopping));
    }

    [Fact]
    public async Task What_waits_for_its_own_time_is_counted_as_it_is_done()
    {
        await using var site = await StartAsync(Shop.Timed);
        await using var published = await site.OpenPublishedAsync(Stopping);
        await site.WriteAsync("""
            UPDATE orders SET due_at = '2199-01-01T00:00:00.000Z' WHERE id < 3;
            UPDATE orders SET price_orders_reservation_time = '2199-01-01T00:00:00.000Z' WHERE id > 1
            """);
        foreach (var cluster in (PampaCluster[])[site.Cluster, published])
        {
            Assert.Equal(3, (await cluster.ReportAsync("price_orders", exact: true, Stopping)).Scheduled);
            Assert.Equal(0, (await cluster.ScaleAsync("price_orders", exact: true, Stopping)).WorkersWanted);
            Task<PreviewShape> PreviewAsync(FilterOrder filter) => ActsOf(cluster).PreviewAsync(new RecordsOrder("runnow", "price_orders", filter), "ada", Stopping);
            Assert.Equal(new PreviewShape(1, 0, true, true, null), await PreviewAsync(new FilterOrder()));
            var none = await PreviewAsync(new FilterOrder(KeyPrefix: "2"));
            Assert.Equal((0, true), (none.Matched, none.IsExact));
            Assert.Contains("waits for its own time, which stands in column 'due_at'", none.Why, StringComparison.Ordinal);
            // Where none of the states is one that the action takes, nothing is looked for.
            Assert.Equal(new PreviewShape(0, 0, true, true, null), await PreviewAsync(new FilterOrder(["failed"])));
        }
    }

    private static Acts ActsOf(PampaCluster cluster)
    {
        var options = new PampaDashboardOptions();
        return new Acts(cluster, options, new Reads(TimeProvider.System), new Operations(options, TimeProvider.System, NullLogger.Instance, Stopping));
    }

    [Fact]
    public async Task What_is_published_is_no_other_definition_than_the_one_that_is_published()
    {
        await using var site = await StartAsync(pampa => Shop.Small(pampa, job => job.Where = $"amount > {15}"));
        await using var published = await site.OpenPublishedAsync(Stopping);
        Assert.DoesNotContain(await published.ExamineAsync(Stopping), f => f.Id == "definition-differs");
    }

    private static async Task<Site> StartAsync(Action<PampaBuilder>? program = null)
    {
        var site = await Site.StartAsync(new SitePlan { Program = program ?? Shop.Small });
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
