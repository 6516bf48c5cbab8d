using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Units;

public sealed class BackoffTests
{
    [Fact]
    public void Delays_grow_by_the_factor_up_to_the_most()
    {
        var backoff = Backoff.Exponential(TimeSpan.FromSeconds(2), 3, TimeSpan.FromSeconds(30));
        Assert.Equal([2, 6, 18, 30, 30], Enumerable.Range(1, 5).Select(i => backoff.DelayAfter(i).TotalSeconds));
        Assert.Equal(TimeSpan.FromSeconds(30), backoff.DelayAfter(1_000));
        Assert.Equal([5, 20, 80], Enumerable.Range(1, 3).Select(i => Backoff.Default.DelayAfter(i).TotalSeconds));
        Assert.Equal(TimeSpan.FromHours(1), Backoff.Default.DelayAfter(50));
    }

    [Fact]
    public void The_others_are_what_they_say()
    {
        Assert.Equal(TimeSpan.Zero, Backoff.None.DelayAfter(9));
        Assert.Equal(TimeSpan.FromSeconds(7), Backoff.Fixed(TimeSpan.FromSeconds(7)).DelayAfter(9));
        Assert.Equal(TimeSpan.FromSeconds(9), Backoff.Custom(attempt => TimeSpan.FromSeconds(attempt)).DelayAfter(9));
        Assert.Equal(TimeSpan.Zero, Backoff.Custom(_ => TimeSpan.FromSeconds(-1)).DelayAfter(1));
        Assert.Equal(Limits.LongestDelay, Backoff.Custom(_ => TimeSpan.MaxValue).DelayAfter(1));
        Assert.Equal(TimeSpan.FromSeconds(1), Backoff.Exponential(TimeSpan.FromSeconds(1), 1, TimeSpan.FromSeconds(1)).DelayAfter(99));
    }

    [Fact]
    public void Chance_only_adds_and_at_most_a_quarter()
    {
        var random = new Random(7);
        var backoff = Backoff.Fixed(TimeSpan.FromSeconds(100));
        var delays = Enumerable.Range(0, 1_000).Select(_ => backoff.SecondsAfter(1, random)).ToList();
        Assert.All(delays, d => Assert.InRange(d, 100, 125));
        Assert.True(delays.Max() - delays.Min() > 20);
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        var second = TimeSpan.FromSeconds(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.Fixed(-second));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.Exponential(-second, 2, second));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.Exponential(second, 0.5, second));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.Exponential(second, 2, TimeSpan.Zero));
        Assert.Throws<ArgumentNullException>(() => Backoff.Custom(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.None.DelayAfter(0));
    }
}

public sealed class KeyOrderTests
{
    [Fact]
    public void Results_have_one_order_however_much_of_their_keys_they_have_in_common()
    {
        string[][] keys = [["a", "1", "x"], ["a", "1", "y"], ["a", "2", "a"], ["b", "0", ""], ["é", "0", ""]];
        var results = keys.Select(key => new Storage.TaskResult(new Fence(new TaskKey(key), "w", 1, "t"), Storage.Outcome.Completed)).ToList();
        int[][] orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 0, 3]];
        foreach (var order in orders) Assert.Equal(results, Storage.TaskStore.InOrder(order.Select(i => results[i])));
        Assert.Equal(-1, Math.Sign(new TaskKey("a").CompareTo(new TaskKey(["a", "1"]))));
    }
}

public sealed class SuggestionTests
{
    [Theory]
    [InlineData("valeu", " (did you mean 'value'?)")]
    [InlineData("VALUE", " (did you mean 'value'?)")]
    [InlineData("odd", " (did you mean 'odd_'?)")]
    [InlineData("something", "")]
    [InlineData("", "")]
    public void The_nearest_name_is_suggested_if_it_is_near(string name, string expected) =>
        Assert.Equal(expected, Suggestion.For(name, ["value", "odd_", "is_odd", "v"]));

    [Fact]
    public void Without_names_there_is_no_suggestion() => Assert.Equal("", Suggestion.For("x", []));
}

public sealed class SqlTests
{
    private static (string Text, List<(string Name, object? Value)> Parameters) Render(Sql sql)
    {
        var parameters = new List<(string, object?)>();
        return (sql.Render("w", parameters), parameters);
    }

    [Fact]
    public void Every_value_becomes_a_parameter_and_never_text()
    {
        const string evil = "'; DROP TABLE numbers; --";
        int? none = null;
        var (text, parameters) = Render($"active AND name = {evil} AND score > {5} OR note IS {none}");
        Assert.Equal("active AND name = @w0 AND score > @w1 OR note IS @w2", text);
        Assert.Equal([("w0", evil), ("w1", 5), ("w2", null)], parameters);
    }

    [Fact]
    public void Pieces_are_put_together_and_numbered_through()
    {
        Sql inner = $"a = {1} OR b = {"x"}";
        var (text, parameters) = Render($"({inner}) AND c = {2}" + $" AND {inner}");
        Assert.Equal("(a = @w0 OR b = @w1) AND c = @w2 AND a = @w3 OR b = @w4", text);
        Assert.Equal([1, "x", 2, 1, "x"], parameters.Select(p => p.Value));
    }

    [Fact]
    public void Braces_and_raw_strings_stay_what_they_are()
    {
        Sql sql = $$"""data @> '{"a": 1}' AND b = {{3}}""";
        Assert.Equal("data @> '{\"a\": 1}' AND b = @p0", sql.ToString());
    }

    [Fact]
    public void A_text_for_people_shows_no_value()
    {
        Sql sql = $"token = {"s3cret"}";
        Assert.Equal("token = @p0", sql.ToString());
    }

    [Fact]
    public void A_list_is_one_parameter()
    {
        int[] states = [1, 2];
        var (text, parameters) = Render($"state = ANY({states})");
        Assert.Equal("state = ANY(@w0)", text);
        Assert.Same(states, Assert.Single(parameters).Value);
    }
}

public sealed class TaskKeyTests
{
    [Fact]
    public void Keys_are_equal_by_their_parts()
    {
        Assert.Equal(new TaskKey("a"), new TaskKey(["a"]));
        Assert.Equal(new TaskKey(["a", "b"]), new TaskKey(["a", "b"]));
        Assert.Equal(new TaskKey(["a", "b"]).GetHashCode(), new TaskKey(["a", "b"]).GetHashCode());
        Assert.NotEqual(new TaskKey(["a", "b"]), new TaskKey(["a", "c"]));
        Assert.NotEqual(new TaskKey(["a", "b"]), new TaskKey("a"));
        Assert.NotEqual(new TaskKey("a"), new TaskKey("A"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TaskKey([]));
        Assert.Equal(["a", "b", "c"], new TaskKey(["a", "b", "c"]).Parts());
    }
}

public sealed class DeadlineTests
{
    [Theory]
    [InlineData(0.0, 1)]
    [InlineData(0.001, 1)]
    [InlineData(0.999, 1)]
    [InlineData(1.0, 1)]
    [InlineData(2.9, 2)]
    [InlineData(3_600.0, 3_600)]
    [InlineData(-1.0, -1)]
    public void Drivers_are_told_whole_seconds_and_never_none(double deadline, int seconds) =>
        Assert.Equal(seconds, Statement.Seconds(TimeSpan.FromSeconds(deadline)));
}
