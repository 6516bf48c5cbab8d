using Pampa.Commands;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Units;

/// <summary>Texts of what is told to people: what processes say, filters in words, tables of cells.</summary>
public sealed class TellingTextTests
{
    [Fact]
    public void What_a_process_says_is_read_as_it_was_written()
    {
        var vitals = new NodeVitals(
            123, 1.25, [new JobDone("j", 1, 2, 3, TimeSpan.FromSeconds(4.5))], [new BusyTask("a.1", "j", "\"\u001b", TimeSpan.FromSeconds(9))]);
        var read = VitalsText.TryRead(VitalsText.Write(vitals))!;
        Assert.Equal((123L, 1.25), (read.MemoryBytes, read.CpuCores!.Value));
        Assert.Equal(vitals.Done, read.Done);
        Assert.Equal(vitals.Tasks, read.Tasks);
        Assert.Null(VitalsText.TryRead(VitalsText.Write(vitals with { CpuCores = null }))!.CpuCores);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"memory\":1}")]
    [InlineData("{\"memory\":\"x\",\"done\":[],\"tasks\":[]}")]
    [InlineData("{\"memory\":1,\"done\":[{\"job\":\"j\",\"completed\":1,\"failed\":1,\"attempts\":1,\"busy\":1e300}],\"tasks\":[]}")]
    public void What_another_version_says_is_passed_by(string text) => Assert.Null(VitalsText.TryRead(text));

    [Fact]
    public void A_filter_is_told_in_words()
    {
        Assert.Equal("all", FilterText.Of(new TaskFilter()));
        Assert.Equal("2 keys: 1, 2; state failed or pending; key starts with 'a'; error contains '429'; worker w.1; started from 2026-01-02T03:04:05Z; amount >= 10",
            FilterText.Of(new TaskFilter
            {
                Keys = ["1", "2"],
                States = [TaskState.Failed, TaskState.Pending],
                KeyPrefix = "a",
                ErrorContains = "429",
                Worker = "w.1",
                Moment = TaskMoment.Started,
                From = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
                Where = [ColumnCondition.Parse("amount >= 10")],
            }));
        Assert.EndsWith("19, 20, …", FilterText.Of(new TaskFilter { Keys = [.. Enumerable.Range(1, 30).Select(i => $"{i}")] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Cells_obey_nobody_and_stay_in_their_columns()
    {
        string?[][] rows = [["a\tb", null], ["\u001b[31m", "x\ny"]];
        Assert.Equal(["k\terror", "a\\tb\t", "\\u001B[31m\tx\\u000Ay"], CellTable.Lines(["k", "error"], rows, null));
        Assert.Equal(["k           error", "a\\tb", "\\u001B[31m  x\\u000Ay"], CellTable.Lines(["k", "error"], rows, 80));
        Assert.Equal(["k        …", "a\\tb", "\\u001B[31…"], CellTable.Lines(["k", "error"], rows, 10));
    }

    [Fact]
    public void Cells_are_as_wide_as_a_terminal_draws_them_and_none_is_cut_in_two()
    {
        string?[][] rows = [["価格表", "x"], ["ab", "y"], ["🐘", "z"]];
        Assert.Equal(["k       v", "価格表  x", "ab      y", "🐘      z"], CellTable.Lines(["k", "v"], rows, 80));
        Assert.Equal(["k   …", "価格…", "ab  …", "🐘  …"], CellTable.Lines(["k", "v"], rows, 5));
        Assert.Equal(
            [new LiveLine("価格…", 5), new LiveLine("🐘🐘…", 5), new LiveLine("a", 1), new LiveLine("", 0)],
            LiveWatch.Fitting(["価格表", "🐘🐘🐘", "a", "", "not seen"], 6, 5));
        for (var width = 0; width < 9; width++)
        {
            var cut = CellText.Cut("🐘a🐘b", width);
            Assert.True(CellText.Width(cut) <= width);
            Assert.DoesNotContain(cut.EnumerateRunes(), r => r == System.Text.Rune.ReplacementChar);
        }
    }

    [Theory]
    [InlineData(1, 1, 500, 10)]
    [InlineData(1, 20, 500, 60)]
    [InlineData(2, 2, 500, 60)]
    [InlineData(24, 24, 500, 600)]
    [InlineData(24, 24, 5_000, 60)]
    [InlineData(700, 700, 500, 600)]
    public void The_grain_of_samples_follows_from_the_range_and_its_age(double hours, double age, int points, int grain) =>
        Assert.Equal(grain, SampleStore.GrainOf(TimeSpan.FromHours(hours), TimeSpan.FromHours(age), points));
}
