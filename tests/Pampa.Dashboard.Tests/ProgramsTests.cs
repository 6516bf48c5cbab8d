using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Showing;

namespace Pampa.Dashboard.Tests;

/// <summary>What is served to programs: Prometheus, and whatever starts and stops nodes.</summary>
public sealed partial class ProgramsTests
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private const string Labels = """\{[a-z]+="([^"\\\n]|\\[\\n"])*"(,[a-z]+="([^"\\\n]|\\[\\n"])*")*\}""";

    [GeneratedRegex($"""^(# (HELP|TYPE) pampa_[a-z_]+ .+|pampa_[a-z_]+({Labels})? -?([0-9.]+(E[+-]?[0-9]+)?|\+Inf|NaN))$""")]
    private static partial Regex Line();

    [GeneratedRegex("pampa_[a-z_]+")]
    private static partial Regex Name();

    [Fact]
    public async Task Prometheus_gets_lines_that_it_can_read_of_jobs_and_nodes()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Goals });
        await UntilReadyAsync(site);
        using var caller = site.NewCaller();
        using var response = await caller.GetAsync("metrics");
        var text = await response.Content.ReadAsStringAsync(Stopping);

        Assert.Equal((HttpStatusCode.OK, "text/plain; version=0.0.4; charset=utf-8"), (response.StatusCode, response.Content.Headers.ContentType?.ToString()));
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var lines = text.TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.Matches(Line(), line));
        Assert.Contains("pampa_up 1", lines);
        Assert.Contains("""pampa_job_tasks{job="price_orders",state="pending"} 3""", lines);
        Assert.Contains("""pampa_job_workers_wanted{job="price_orders"} 2""", lines);
        Assert.Contains("""pampa_job_paused{job="price_orders"} 0""", lines);
        Assert.Contains("""pampa_node_workers{node="local"} 2""", lines);
        // Each name is told of once, before its values, which stand together.
        var told = lines.Where(l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(l => l.Split(' ')[2]).ToList();
        Assert.Equal(told.Distinct(), told);
        Assert.Equal(told, lines.Where(l => l[0] != '#').Select(l => Name().Match(l).Value).Distinct());
        using var head = await caller.SendAsync(HttpMethod.Head, "metrics", null);
        Assert.Equal((HttpStatusCode.OK, ""), (head.StatusCode, await head.Content.ReadAsStringAsync(Stopping)));
    }

    [Fact]
    public void Names_from_outside_cannot_break_out_of_their_place()
    {
        var text = new MeasureText();
        text.Begin("pampa_x", "gauge", "a\\b\nc");
        foreach (var hostile in Shop.Hostile.Append("two\nlines \\ and \"quotes\"")) text.Add("pampa_x", 1.5, [("job", hostile), ("node", "n")]);
        text.Add("pampa_x", double.PositiveInfinity, []);
        text.Add("pampa_x", 1e300, []);
        text.Add("pampa_x", double.NaN, []);
        var lines = text.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(Shop.Hostile.Length + 6, lines.Length);
        Assert.All(lines, line => Assert.Matches(Line(), line));
        Assert.Equal("""pampa_x{job="two\nlines \\ and \"quotes\"",node="n"} 1.5""", lines[Shop.Hostile.Length + 2]);
        Assert.Equal(["pampa_x +Inf", "pampa_x 1E+300", "pampa_x NaN"], lines[^3..]);
    }

    [Fact]
    public void Of_a_database_that_does_not_answer_nothing_old_is_told()
    {
        var job = new JobShape("a", 1, 0, 0, 0, 0, 0, true, null, null, null, 1, 1, null, null, null, []);
        var seen = new SnapshotShape(DateTimeOffset.UnixEpoch, 90, "gone", new LeaderShape("n", 1, 1), [job], [], [], [], null, []);
        Assert.Equal(["pampa_up 0", "pampa_seen_age_seconds 90"], Measures.Write(seen).Split('\n').Where(l => l.Length > 0 && l[0] != '#'));
        Assert.Contains("pampa_job_workers{job=\"a\"} 1", Measures.Write(seen with { Trouble = null }), StringComparison.Ordinal);
        // What is not known is not told as nought.
        Assert.DoesNotContain("eta", Measures.Write(seen with { Trouble = null }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_starts_nodes_is_told_how_many_workers_a_job_wants()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Goals });
        using var caller = site.NewCaller();
        var scale = await caller.JsonAsync("scale/price_orders");
        Assert.Equal((2, "price_orders", 30), (scale.GetProperty("workers").GetInt32(), scale.GetProperty("job").GetString(), scale.GetProperty("maxWait").GetDouble()));
        using var nobody = await caller.GetAsync("scale/nobody");
        Assert.Equal(HttpStatusCode.NotFound, nobody.StatusCode);
        using var posted = await (await caller.WithSessionAsync()).PostAsync("scale/price_orders", "{}");
        Assert.Equal(HttpStatusCode.NotFound, posted.StatusCode);
    }

    [Fact]
    public void Every_number_of_the_Grafana_dashboard_is_one_that_there_is()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root(), "docs", "grafana.json")));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().ToList();
        var asked = panels.SelectMany(p => p.GetProperty("targets").EnumerateArray()).Select(t => t.GetProperty("expr").GetString()!)
            .Concat(dashboard.RootElement.GetProperty("templating").GetProperty("list").EnumerateArray().Select(v => v.GetProperty("query").ToString()))
            .SelectMany(text => Name().Matches(text).Select(m => m.Value)).Distinct().ToList();
        Assert.True(asked.Count > 10);
        Assert.Empty(asked.Except(Measures.Names));
        Assert.Equal(panels.Count, panels.Select(p => p.GetProperty("id").GetInt32()).Distinct().Count());
    }

    [Fact]
    public void Every_number_is_on_the_page_about_them()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "telemetry.md"));
        Assert.All(Measures.Names, name => Assert.Contains($"`{name}`", page, StringComparison.Ordinal));
    }

    // Nothing of it runs, and three tasks of which each worker shall have two at most.
    private static void Goals(PampaBuilder pampa) => Shop.Small(pampa, job =>
    {
        job.MaxWait = TimeSpan.FromSeconds(30);
        job.MaxPendingTasks = 2;
    });

    private static async Task UntilReadyAsync(Site site)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while ((await site.Cluster.InfoAsync(deadline.Token)).Nodes is not [{ Ready: 2 }])
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Pampa.slnx"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
