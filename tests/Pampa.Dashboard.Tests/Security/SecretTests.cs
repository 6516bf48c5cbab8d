using System.Net;
using System.Text.RegularExpressions;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Security;

/// <summary>T9: a secret that an error quotes, or a reason, is in nothing that is answered.</summary>
[Trait("suite", "security")]
public sealed class SecretTests
{
    private const string Hidden = "•••";

    // In the pattern of a group nothing is left of words with digits.
    private const string Plain = "hunterhunter";

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_secret_in_a_text_is_in_no_answer()
    {
        await using var site = await Site.StartAsync(new SitePlan { Program = Leaking });
        await Until.TrueAsync(async () => (await site.Cluster.ReportAsync("price_orders", exact: true, Stopping)).Failed == 1);
        await site.Cluster.PauseAsync(PampaTarget.Job("price_orders"), $"until PGPASSWORD={Shop.Leaked} is changed", null, Stopping);
        await site.Cluster.PauseScheduleAsync("nightly", $"token={Shop.Leaked}", Stopping);
        using var caller = await site.NewCaller().WithSessionAsync();
        using var tick = await caller.PostAsync("api/schedule", """{"action":"run","name":"broken"}""");
        AssertHides(await tick.Content.ReadAsStringAsync(Stopping));
        using var refused = await caller.GetAsync($"api/tasks?job=price_orders&order=latestend&after=Password%3D{Shop.Leaked}");
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        AssertHides(await refused.Content.ReadAsStringAsync(Stopping));
        foreach (var (path, times) in new[]
        {
            ("api/tasks?job=price_orders", 2),
            ("api/tasks?job=price_orders&error=tax%20office", 2),
            // As a pattern, and as an example.
            ("api/errors?job=price_orders", 4),
            // The record's own text, why it does not run, and what its past says.
            ("api/task?job=price_orders&key=1", 6),
            ("api/audit", 2),
            ("api/overview", 1),
            ("api/schedules", 1),
        })
        {
            await Until.TrueAsync(async () =>
            {
                var text = Regex.Unescape((await caller.JsonAsync(path)).ToString());
                AssertHides(text);
                // What stands in the overview was seen a moment ago.
                return text.Split(Hidden).Length > times;
            });
        }
    }

    private static void AssertHides(string text)
    {
        foreach (var secret in new[] { Shop.Leaked, Plain }) Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
    }

    private static void Leaking(PampaBuilder pampa)
    {
        pampa.Workers = 1;
        pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING");
        pampa.AddJob("price_orders", "orders", "id", job =>
        {
            job.MaxAttempts = 2;
            job.Backoff = Backoff.None;
            job.Process(_ => throw new FormatException($"Cannot reach the tax office: Host=tax;Password={Shop.Leaked};Token={Plain}"));
        });
        pampa.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(_ => $"DELETE FROM orders WHERE id = 2"));
        pampa.AddSchedule("broken", "@yearly", schedule => schedule.Do((_, _, _) => throw new FormatException($"Password={Shop.Leaked}")));
    }
}
