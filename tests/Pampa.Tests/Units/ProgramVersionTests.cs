using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>The order of versions, and the forms in which they come.</summary>
public sealed class ProgramVersionTests
{
    [Fact]
    public void Versions_have_the_order_of_semantic_versioning()
    {
        string[] ordered =
        [
            "0.9", "1.0.0-0", "1.0.0-2", "1.0.0-010", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.9", "1.0.0-alpha.10",
            "1.0.0-alpha.99999999999999999999", "1.0.0-alpha.beta", "1.0.0-beta-2", "1.0.0-rc.1", "1.0.0", "1.0.0.1", "1.0.1", "1.2", "1.10", "2", "10.0.0",
        ];
        for (var i = 0; i < ordered.Length; i++)
        {
            for (var j = 0; j < ordered.Length; j++)
                Assert.True(Math.Sign(i.CompareTo(j)) == Math.Sign(Version(ordered[i]).CompareTo(Version(ordered[j]))), $"{ordered[i]} and {ordered[j]}");
        }
        Assert.True(Version("0").CompareTo(null) > 0);
    }

    [Theory, InlineData("1", "1.0.0.0"), InlineData("1.2", "1.2.0"), InlineData("1.2.3+abc", "1.2.3+def.5"), InlineData("1-rc+a", "1.0-rc"), InlineData("01.2", "1.2")]
    public void What_is_missing_or_orders_nothing_makes_no_difference(string one, string other) =>
        Assert.Equal(0, Version(one).CompareTo(Version(other)));

    [Theory, InlineData(""), InlineData("v1"), InlineData("1."), InlineData(".1"), InlineData("1.2.3.4.5"), InlineData("-1"), InlineData("1.-2"), InlineData("1.2-"),
     InlineData("1.2-a..b"), InlineData("1.2-é"), InlineData("1 2"), InlineData("99999999999"), InlineData("+1"), InlineData("1.2 "), InlineData("٣")]
    public void What_is_no_version_is_none(string text) => Assert.Null(ProgramVersion.TryParse(text));

    [Fact]
    public void The_version_of_a_program_is_its_last_word()
    {
        Assert.Equal("2.3.0-rc.1", ProgramVersion.Of("my shop 2.3.0-rc.1")!.ToString());
        Assert.Equal("1.0.0.0", ProgramVersion.Of("shop 1.0.0.0")!.ToString());
        Assert.Null(ProgramVersion.Of("shop"));
        Assert.Null(ProgramVersion.Of(""));
        Assert.Null(ProgramVersion.TryParse(null));
    }

    [Fact]
    public void A_job_may_not_demand_more_than_its_own_program_is()
    {
        Assert.Empty(Errors(pampa => pampa.ProgramVersion = "2.3", "2.3.0"));
        Assert.Empty(Errors(_ => { }, null));
        Assert.Equal("Job 'mails': MinProgramVersion 2.4 is above this program's own version, which is 2.3, so nobody who runs it could do its tasks. "
            + "Give the program that version (ProgramVersion, or Version in its project), or demand less.", Assert.Single(Errors(pampa => pampa.ProgramVersion = "2.3", "2.4")));
        Assert.Equal("Job 'mails': MinProgramVersion must be a version like 2.3 or 2.3.1-rc.1, got 'new'.", Assert.Single(Errors(_ => { }, "new")));
        Assert.Equal("ProgramVersion must be a version like 2.3 or 2.3.1-rc.1, got 'v2'.", Assert.Single(Errors(pampa => pampa.ProgramVersion = "v2", null)));
    }

    private static List<string> Errors(Action<PampaBuilder> configure, string? minimum)
    {
        var pampa = new PampaBuilder();
        configure(pampa);
        pampa.AddJob("mails", "mails", "id", job =>
        {
            job.MinProgramVersion = minimum;
            job.Process(_ => { });
        });
        var errors = new List<string>();
        pampa.Build(errors);
        return errors;
    }

    private static ProgramVersion Version(string text) => ProgramVersion.TryParse(text)!;
}
