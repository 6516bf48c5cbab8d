using System.Text.Json;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests;

/// <summary>A search that needs more than one answer, as a page or a program follows it.</summary>
public sealed class SearchTests
{
    [Theory]
    [InlineData("order=key", new[] { 1_400, 2_998, 3_000 })]
    [InlineData("order=keydescending", new[] { 3_000, 2_998, 1_400 })]
    [InlineData("order=latestend&state=failed", new[] { 3_000, 2_998, 1_400 })]
    public async Task A_search_that_finds_little_is_followed_to_its_end_and_tells_how_many_it_has_looked_at(string how, int[] keys)
    {
        await using var site = await Haystack.StartAsync(keys);
        using var caller = site.NewCaller();
        var answers = await FollowAsync(caller, $"api/tasks?job=price_orders&error={Uri.EscapeDataString(Haystack.Needle)}&{how}");

        Assert.True(answers.Count >= Haystack.Records / Haystack.PerAnswer, $"{answers.Count} answers");
        Assert.All(answers.SkipLast(1), answer => Assert.True(answer.GetProperty("isPartial").GetBoolean()));
        Assert.False(answers[^1].GetProperty("isPartial").GetBoolean());
        Assert.Equal(Haystack.Records, answers.Sum(answer => answer.GetProperty("lookedAt").GetInt64()));
        Assert.Equal(keys.Select(k => $"{k}"), answers.SelectMany(a => a.GetProperty("tasks").EnumerateArray()).Select(t => t.GetProperty("key").GetString()));
    }

    [Fact]
    public async Task A_page_that_is_full_ends_the_search_where_the_next_one_goes_on()
    {
        await using var site = await Haystack.StartAsync(1_010, 1_020, 1_030);
        using var caller = site.NewCaller();
        var address = $"api/tasks?job=price_orders&error={Uri.EscapeDataString(Haystack.Needle)}";
        var first = await caller.JsonAsync($"{address}&limit=2");
        Assert.Equal((2, false, "1020"), (first.GetProperty("tasks").GetArrayLength(), first.GetProperty("isPartial").GetBoolean(), first.GetProperty("next").GetString()));
        Assert.InRange(first.GetProperty("lookedAt").GetInt64(), 20, 29);
        var rest = await FollowAsync(caller, $"{address}&limit=2", "1020");
        Assert.Equal("1030", Assert.Single(rest.SelectMany(a => a.GetProperty("tasks").EnumerateArray())).GetProperty("key").GetString());
    }

    private static async Task<List<JsonElement>> FollowAsync(Caller caller, string address, string? next = null)
    {
        var answers = new List<JsonElement>();
        do
        {
            answers.Add(await caller.JsonAsync(next is null ? address : $"{address}&after={Uri.EscapeDataString(next)}"));
            next = answers[^1].GetProperty("next").GetString();
        }
        while (next is not null && answers.Count < Haystack.Records);
        return answers;
    }
}
