using Pampa.Storage;

namespace Pampa.Tests.Units;

public sealed class PostgreSqlMomentTests
{
    [Theory]
    [InlineData("2026-11-26 18:52:09.123456+00")]
    [InlineData("2026-11-26 18:52:09.1+00")]
    [InlineData("2026-11-26 18:52:09+00")]
    [InlineData("2024-02-29 00:00:00.000001+00")]
    [InlineData("0001-01-01 00:00:01+00")]
    [InlineData("9999-12-31 23:59:59.999999+00")]
    public void A_text_of_the_server_comes_back_as_it_was(string text)
    {
        Assert.True(PostgreSqlMoment.TryParse(text, out var moment));
        Assert.Equal(DateTimeKind.Utc, moment.Kind);
        Assert.Equal(text, PostgreSqlMoment.Text(moment));
    }

    [Theory]
    [InlineData("")]
    [InlineData("+00")]
    [InlineData("0001-01-01 00:00:00+00")]
    [InlineData("infinity")]
    [InlineData("-infinity")]
    [InlineData("2026-11-26 18:52:09.1234567+00")]
    [InlineData("2026-11-26 18:52:09.+00")]
    [InlineData("2026-11-26 18:52:09.12x+00")]
    [InlineData("2026-11-26 18:52:09")]
    [InlineData("2026-11-26 18:52:09+01")]
    [InlineData("2026-11-26 18:52:09+05:45")]
    [InlineData("2026-11-26T18:52:09+00")]
    [InlineData("26.11.2026 18:52:09.123456 UTC")]
    [InlineData("2026-13-01 00:00:00+00")]
    [InlineData("2026-02-29 00:00:00+00")]
    [InlineData("2026-02-28 24:00:00+00")]
    [InlineData("0000-02-28 00:00:00+00")]
    [InlineData("10000-01-01 00:00:00+00")]
    [InlineData("0044-03-15 00:00:00+00 BC")]
    public void What_is_of_another_form_is_left_to_the_server(string text) => Assert.False(PostgreSqlMoment.TryParse(text, out _));

    [Fact]
    public void A_time_of_this_computer_is_told_as_the_same_moment()
    {
        var moment = new DateTime(2026, 7, 1, 12, 0, 0, DateTimeKind.Utc);
        Assert.Equal("2026-07-01 12:00:00+00", PostgreSqlMoment.Text(moment.ToLocalTime()));
    }

    [Fact]
    public void What_is_no_date_has_its_name()
    {
        Assert.Equal("infinity", PostgreSqlMoment.Text(DateTime.MaxValue));
        Assert.Equal("-infinity", PostgreSqlMoment.Text(DateTime.MinValue));
    }
}
