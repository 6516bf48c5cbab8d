using System.Text.RegularExpressions;
using Pampa.Chaos.Wire;
using Pampa.Tests.Tidy;

namespace Pampa.Tests.Chaos;

/// <summary>The proxy of the chaos program still knows the statements that its faults aim at, and takes no other for one.</summary>
public sealed partial class StatementShapeTests
{
    [GeneratedRegex(@"^-- (\S+?)(?:\([^\n]*\))?$\n(.*?)(?=^-- |\z)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Section();

    private static StatementKinds Expected(string name) => name switch
    {
        "JobSql.Reserve" or "JobSql.ReserveNamed" or "JobSql.ReserveStarting" or "JobSql.ReserveApplyStarting" => StatementKinds.Reserve,
        "JobSql.Start" => StatementKinds.Start,
        // What stops an attempt by its whole fence ends it as a finish does.
        "JobSql.Finish" or "JobSql.Complete" or "JobSql.Stop" => StatementKinds.Finish,
        "JobSql.Release" => StatementKinds.Release,
        "JobSql.Reclaim" or "JobSql.Recover" => StatementKinds.Reclaim,
        _ => StatementKinds.Other,
    };

    [GeneratedRegex(@" AND [^()]*? = v\._pampa_(rid|n|st|rt)\b")]
    private static partial Regex Fence();

    [Theory, InlineData("PostgreSql"), InlineData("CockroachDb")]
    public void Each_statement_of_a_job_has_the_shape_of_its_kind(string dialect)
    {
        var text = new Source($"tests/Pampa.Tests/Approvals/Sql.{dialect}.approved.txt").Text;
        var sections = Section().Matches(text).Select(m => (Name: m.Groups[1].Value, Text: m.Groups[2].Value))
            .Where(s => s.Name.StartsWith("JobSql.", StringComparison.Ordinal)).ToList();
        Assert.All(sections, s => Assert.Equal((s.Name, Expected(s.Name)), (s.Name, StatementShape.Of(s.Text))));
        // A campaign takes the guards out to see that the faults that aim at a statement find it out: they must know it without.
        Assert.All(sections, s => Assert.Equal((s.Name, Expected(s.Name)), (s.Name, StatementShape.Of(Fence().Replace(s.Text, "")))));
        Assert.Equal(6, sections.Select(s => Expected(s.Name)).Distinct().Count());
    }
}
