using Pampa.Commands;

namespace Pampa.Tests.Units;

public sealed class StatusTableTests
{
    private static readonly Report[] Two =
    [
        new("numbers", 1_000, 0, 80, 4, 98_914, 2) { PerSecond = 500, OldestPending = TimeSpan.FromSeconds(75) },
        new("letters", 250_000, 0, 0, 0, 0, 0) { IsExact = false },
    ];

    [Fact]
    public void A_wide_terminal_has_a_row_for_each_job() => Assert.Equal(
    [
        "job         total  completed  failed   pending  scheduled  reserved  running  per s       ETA  oldest due",
        "numbers   100,000     98,914       2     1,000          0        80        4    500  00:00:03    00:01:15",
        "letters  250,000+         0+      0+  250,000+         0+        0+       0+      -         -           -",
    ], StatusTable.Draw(Two, 105)!);

    [Fact]
    public void A_narrow_one_has_a_column_for_each() => Assert.Equal(
    [
        "job          numbers   letters",
        "total        100,000  250,000+",
        "completed     98,914        0+",
        "failed             2        0+",
        "pending        1,000  250,000+",
        "scheduled          0        0+",
        "reserved          80        0+",
        "running            4        0+",
        "per s            500         -",
        "ETA         00:00:03         -",
        "oldest due  00:01:15         -",
    ], StatusTable.Draw(Two, 104)!);

    [Fact]
    public void Where_neither_fits_there_is_no_table() => Assert.Null(StatusTable.Draw(Two, 29));
}
