using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>What texts of one kind of failure have in common.</summary>
public sealed class ErrorPatternTests
{
    [Theory]
    [InlineData("HttpRequestException: Response status code does not indicate success: 429 (Too Many Requests).", "HttpRequestException: Response status code does not indicate success: … (Too Many Requests).")]
    [InlineData("Order 17 of customer 4711 is gone", "Order … of customer … is gone")]
    [InlineData("no such file '/data/a b/17.csv'", "no such file '…'")]
    [InlineData("key \"x\" and `y`", "key \"…\" and `…`")]
    [InlineData("it isn't there, don't ask", "it isn't there, don't ask")]
    [InlineData("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 unknown", "id … unknown")]
    [InlineData("blob deadbeef missing", "blob … missing")]
    [InlineData("worker web1.3 lost during attempt 2 of 3", "worker web1.… lost during attempt … of …")]
    [InlineData("23505: duplicate key value violates unique constraint \"pk\"", "…: duplicate key value violates unique constraint \"…\"")]
    [InlineData("42P01: relation \"x\" does not exist", "42P01: relation \"…\" does not exist")]
    [InlineData("at 2026-11-26T12:00:00.123Z it broke", "at … it broke")]
    [InlineData("points 1, 2, 3 and 4", "points … and …")]
    [InlineData("first line\nsecond 17", "first line")]
    [InlineData("\n  late start\r\nrest", "late start")]
    [InlineData("took 15ms", "took …")]
    [InlineData("\u001b[31mred", "[31mred")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void Particulars_are_left_out(string? text, string pattern) => Assert.Equal(pattern, ErrorPattern.Of(text));

    [Fact]
    public void A_pattern_is_never_long_and_never_the_same_for_what_differs_in_words()
    {
        Assert.InRange(ErrorPattern.Of(string.Concat(Enumerable.Repeat("word ", 500))).Length, ErrorPattern.Longest - 5, ErrorPattern.Longest);
        Assert.InRange(ErrorPattern.Of(new string('\'', 5_000)).Length, 1, ErrorPattern.Longest);
        Assert.NotEqual(ErrorPattern.Of("time out"), ErrorPattern.Of("no answer"));
    }

    [Fact]
    public void Any_text_has_a_pattern()
    {
        const string Odd = "'\"`a1_ é\u202e\ud83d\ude00\0\n-T…";
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => Odd[random.Next(Odd.Length)]));
            Assert.InRange(ErrorPattern.Of(text).Length, 0, ErrorPattern.Longest);
        }
    }
}
