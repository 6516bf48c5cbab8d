using System.Net;
using System.Text.Json;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests;

/// <summary>What is done to tasks that run.</summary>
public sealed class RunningTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static async Task<Site> StartAsync(Action<JobBuilder>? configure = null)
    {
        var site = await Site.StartAsync(new SitePlan { Program = pampa => Shop.Running(pampa, configure ?? (_ => { })) });
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Running == 3);
        return site;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Said)> PostAsync(Caller caller, string path, string json)
    {
        using var response = await caller.PostAsync(path, json);
        return (response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync(Stopping)).RootElement);
    }

    private static async Task<(long Matched, long Running)> PreviewAsync(Caller caller, string order)
    {
        var (status, said) = await PostAsync(caller, "api/preview", order);
        Assert.True(status == HttpStatusCode.OK, said.ToString());
        return (said.GetProperty("matched").GetInt64(), said.GetProperty("running").GetInt64());
    }

    [Fact]
    public async Task What_runs_is_left_alone_until_it_is_meant_and_then_counts_as_what_changes()
    {
        await using var site = await StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var what in new[] { "\"keys\":[\"1\",\"2\",\"3\",\"4\"]", "\"filter\":{}" })
        {
            var order = $"\"action\":\"cancel\",\"job\":\"price_orders\",{what}";
            Assert.Equal((1, 3), await PreviewAsync(caller, $"{{{order}}}"));
            Assert.Equal((1, 3), await PreviewAsync(caller, $"{{{order},\"running\":false}}"));
            Assert.Equal((4, 0), await PreviewAsync(caller, $"{{{order},\"running\":true}}"));
        }
        Assert.Equal((3, 0), await PreviewAsync(caller, """{"action":"cancel","job":"price_orders","filter":{"states":["running"]},"running":true}"""));

        var (status, done) = await PostAsync(caller, "api/records", """{"action":"cancel","job":"price_orders","keys":["1"],"running":true,"reason":"wrong file"}""");

        Assert.True(status == HttpStatusCode.OK && done.GetProperty("error").ValueKind == JsonValueKind.Null, done.ToString());
        Assert.Equal(1, done.GetProperty("changed").GetInt64());
        var task = (await site.Cluster.TaskAsync("price_orders", "1", cancellationToken: Stopping))!.Task;
        Assert.Equal(TaskState.Failed, task.State);
        Assert.EndsWith(": wrong file", task.Error, StringComparison.Ordinal);
        // The others go on, and so does the worker that is free again.
        Assert.Equal(TaskState.Running, (await site.Cluster.TaskAsync("price_orders", "2", cancellationToken: Stopping))!.Task.State);
    }

    [Theory]
    [InlineData("skip"), InlineData("retry"), InlineData("relaunch")]
    public async Task Only_what_is_cancelled_may_be_running(string action)
    {
        await using var site = await StartAsync();
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var path in new[] { "api/preview", "api/records" })
        {
            var (status, said) = await PostAsync(caller, path, $"{{\"action\":\"{action}\",\"job\":\"price_orders\",\"keys\":[\"1\"],\"running\":true}}");
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Equal($"running is for cancel alone: {action} leaves alone what runs.", said.GetProperty("error").GetString());
        }
        Assert.Equal(3, (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Running);
        Assert.Empty((await site.Cluster.AuditAsync(null, Stopping)).Entries);
    }

    [Fact]
    public async Task A_job_that_is_told_of_the_end_of_each_attempt_says_in_the_preview_that_what_runs_cannot_be_cancelled()
    {
        await using var site = await StartAsync(job => job.OnFinished(_ => { }));
        using var caller = await site.NewCaller().WithSessionAsync();
        foreach (var what in new[] { "\"keys\":[\"1\"]", "\"filter\":{}" })
        {
            var (status, said) = await PostAsync(caller, "api/preview", $"{{\"action\":\"cancel\",\"job\":\"price_orders\",{what},\"running\":true}}");
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Contains("has an OnFinished", said.GetProperty("error").GetString(), StringComparison.Ordinal);
        }
    }
}
