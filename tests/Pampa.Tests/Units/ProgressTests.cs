using Pampa.Commands;

namespace Pampa.Tests.Units;

public sealed class ProgressTests
{
    private static ProgressRow Row(double perSecond = 0, long? total = 1_000, long done = 100) =>
        new("numbers", done, total, perSecond) { Workers = 4, FailedAttempts = 2, Running = 3 };

    [Theory]
    [InlineData(9d, 1_000L, 100L, "00:01:40")]
    [InlineData(0d, 1_000L, 100L, "unknown")]
    [InlineData(0d, 100L, 100L, "00:00:00")]
    [InlineData(9d, null, 100L, "")]
    [InlineData(0.01, 3_700_000L, 0L, "99:59:59")]
    [InlineData(1d, 200_000L, 0L, "55:33:20")]
    public void The_remaining_time_follows_from_the_rate(double rate, long? total, long done, string eta) =>
        Assert.Equal(eta, Row(rate, total, done).Eta);

    [Fact]
    public async Task An_idle_job_says_so_once_and_then_is_silent()
    {
        var output = new StringWriter();
        await using var view = new PlainDisplay(output, output);
        foreach (var rate in (double[])[0, 0, 5, 5, 0, 0]) view.Show([Row(rate)]);
        Assert.Equal(
        [
            "numbers: 100 of 1,000 done, 0/s, ETA unknown, 4 workers", "numbers: 100 of 1,000 done, 5/s, ETA 00:03:00, 4 workers",
            "numbers: 100 of 1,000 done, 5/s, ETA 00:03:00, 4 workers", "numbers: 100 of 1,000 done, 0/s, ETA unknown, 4 workers",
        ], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }
}
