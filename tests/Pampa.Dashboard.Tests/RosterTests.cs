using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Serving;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>Nodes and workers beyond those that the stream tells.</summary>
public sealed class RosterTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static async Task<Site> StartAsync(Func<Site, Task> joinAsync)
    {
        var site = await Site.StartAsync();
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Workers.Count == 2);
        await joinAsync(site);
        return site;
    }

    private static async Task<List<string>> AllAsync(Caller caller, string path, string list, string name, int limit)
    {
        var all = new List<string>();
        for (var after = ""; ;)
        {
            var page = await caller.JsonAsync($"{path}limit={limit}&after={Uri.EscapeDataString(after)}");
            List<string> names = [.. page.GetProperty(list).EnumerateArray().Select(n => n.GetProperty(name).GetString()!)];
            Assert.InRange(names.Count, 1, limit);
            all.AddRange(names);
            if (page.GetProperty("next").ValueKind == JsonValueKind.Null) return all;
            after = page.GetProperty("next").GetString()!;
            Assert.Equal(names[^1], after);
        }
    }

    [Fact]
    public async Task All_workers_of_a_node_are_told_in_pages()
    {
        await using var site = await StartAsync(Crowd.JoinAsync);
        using var caller = site.NewCaller();
        var ids = Enumerable.Range(1, Crowd.Workers).Select(i => $"big.{i}").Order(StringComparer.Ordinal);
        Assert.Equal(ids, await AllAsync(caller, "api/workers?node=big&", "workers", "id", 300));
        Assert.Equal(["local.1", "local.2"], await AllAsync(caller, "api/workers?node=local&", "workers", "id", 1));
        Assert.Equal(Crowd.Workers + 2, (await AllAsync(caller, "api/workers?", "workers", "id", 250)).Count);
        foreach (var path in (string[])["api/workers?limit=301", "api/nodes?limit=0", "api/nodes?limit=x"])
        {
            using var refused = await caller.GetAsync(path);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }
    }

    [Fact]
    public async Task The_stream_tells_some_nodes_and_how_many_there_are_and_all_are_told_in_pages_and_to_programs()
    {
        await using var site = await StartAsync(Crowd.JoinNodesAsync);
        using var caller = site.NewCaller();
        var seen = await caller.JsonAsync("api/overview");
        var told = seen.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("name").GetString()!).ToList();
        Assert.Equal((Excerpt.MostNodes, Crowd.Nodes + 1), (told.Count, seen.GetProperty("nodeCount").GetInt32()));
        var all = await AllAsync(caller, "api/nodes?", "nodes", "name", 100);
        Assert.Equal(Enumerable.Range(1001, Crowd.Nodes).Select(i => $"node.{i}").Prepend("local"), all);
        Assert.Equal(told, all.Take(told.Count));
        var found = await caller.JsonAsync("api/nodes?name=NODE.17&limit=2");
        Assert.Equal(6, found.GetProperty("count").GetInt32());
        Assert.Equal("node.1701", found.GetProperty("next").GetString());
        using var metrics = await caller.GetAsync("metrics");
        Assert.Contains($"pampa_node_workers{{node=\"node.{1000 + Crowd.Nodes}\"}} 1\n", await metrics.Content.ReadAsStringAsync(Stopping), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_of_nodes_come_at_once_while_the_next_look_takes_its_time()
    {
        await using var site = await StartAsync(_ => Task.CompletedTask);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        var (time, options, log) = (new FakeTimeProvider(), new PampaDashboardOptions(), NullLogger.Instance);
        var reads = new Reads(time);
        var watcher = new Watcher(site.Cluster, options, reads, new Operations(options, time, log, stop.Token), time, log, stop.Token);
        var roster = new Roster(watcher);
        var all = new Query(new QueryCollection());
        var seen = await watcher.SeenAsync(Stopping);
        async Task<T> SlowlyAsync<T>(TimeSpan later, Func<Task<T>> askAsync)
        {
            time.Advance(later);
            // Who has both turns keeps every look waiting.
            var end = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<int>[] holders = [.. Enumerable.Range(0, 2).Select(_ => reads.RunAsync(t => end.Task.WaitAsync(t), Stopping))];
            try
            {
                return await askAsync();
            }
            finally
            {
                end.SetResult(0);
                await Task.WhenAll(holders);
            }
        }

        // What programs ask is as fresh as before: they start and stop workers by it.
        var (nodes, workers, fresh) = await SlowlyAsync(TimeSpan.FromSeconds(4), () =>
        {
            var (nodes, workers, fresh) = (roster.NodesAsync(all, Stopping), roster.WorkersAsync(all, Stopping), watcher.SeenAsync(Stopping));
            Assert.Equal((true, true, false), (nodes.IsCompletedSuccessfully, workers.IsCompletedSuccessfully, fresh.IsCompleted));
            return Task.FromResult((nodes, workers, fresh));
        });
        Assert.Same(seen.Nodes.Single(), (await nodes)!.Nodes.Single());
        Assert.Equal(2, (await workers)!.Workers.Count);
        Assert.NotSame(seen, await fresh);
        // The look that was begun has ended, and nobody has asked for another one: of a while ago nodes may be gone by now.
        var late = await SlowlyAsync(TimeSpan.FromMinutes(1), () =>
        {
            var late = roster.NodesAsync(all, Stopping);
            Assert.False(late.IsCompleted);
            return Task.FromResult(late);
        });
        Assert.Single((await late)!.Nodes);
        await stop.CancelAsync();
    }

    [Fact]
    public void Of_very_many_absent_nodes_the_first_are_named_and_all_are_counted()
    {
        string[] absent = [.. Enumerable.Range(1, Excerpt.MostAbsent + 17).Select(i => $"node.{i}")];
        var seen = new SnapshotShape(DateTimeOffset.UnixEpoch, 0, null, null, [], [], [], absent, null, []);
        var told = Excerpt.Of(seen);
        Assert.Equal(absent.Take(Excerpt.MostAbsent), told.Absent);
        Assert.Equal(absent.Length, told.AbsentCount);
        Assert.Equal(absent[..3], Excerpt.Of(seen with { Absent = absent[..3] }).Absent);
    }
}
