using Pampa.Storage.Examination;

namespace Pampa.Tests.Units;

public sealed class IndexTextTests
{
    [Theory]
    [InlineData("CREATE INDEX i ON t (et)", null)]
    [InlineData("CREATE INDEX i ON t (et) WHERE et IS NULL", "et IS NULL")]
    [InlineData("create index i on t (et)\nwhere\n  et is null", "et is null")]
    [InlineData("CREATE INDEX i ON t (et)WHERE(et IS NULL)", "(et IS NULL)")]
    [InlineData("CREATE INDEX i ON t (et)\tWHERE\tet IS NOT NULL AND note = 'x where y'", "et IS NOT NULL AND note = 'x where y'")]
    [InlineData("CREATE INDEX \"i where j\" ON [t where] (`a where b`)", null)]
    [InlineData("CREATE INDEX \"a\"\" where \" ON t (et) -- where it is\nWHERE et IS NULL", "et IS NULL")]
    [InlineData("CREATE INDEX i ON t (et) /* where\n it is */ WHERE et IS NULL", "et IS NULL")]
    [InlineData("CREATE INDEX where_it_is ON t (nowhere)", null)]
    public void The_condition_is_what_stands_behind_the_word_however_it_is_typed(string definition, string? expected) =>
        Assert.Equal(expected, IndexText.ConditionOf(definition)?.Trim());

    [Theory]
    [InlineData("et IS NULL", true)]
    [InlineData(" ( \"et\"\n is\tnull ) ", true)]
    [InlineData("[ET] IS  NULL", true)]
    [InlineData("`et` IS NULL", true)]
    [InlineData("et IS NOT NULL", false)]
    [InlineData("et2 IS NULL", false)]
    [InlineData("et IS NULL AND ok", false)]
    public void It_says_something_of_a_column_and_no_more(string condition, bool expected)
    {
        Assert.Equal(expected, IndexText.Says(condition, "et", "IS NULL"));
        Assert.Equal(expected, IndexText.IsOfOpen($"CREATE INDEX i ON t (value)\nWHERE\n{condition}", "et"));
    }
}
