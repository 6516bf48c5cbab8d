namespace Pampa.Tests.Units;

/// <summary>Conditions as people write them.</summary>
public sealed class ConditionTextTests
{
    [Theory]
    [InlineData("amount >= 10", "amount", ColumnOperator.GreaterOrEqual, "10")]
    [InlineData("amount>=10", "amount", ColumnOperator.GreaterOrEqual, "10")]
    [InlineData("  amount  <  -1.5 ", "amount", ColumnOperator.Less, "-1.5")]
    [InlineData("a=b=c", "a", ColumnOperator.Equal, "b=c")]
    [InlineData("a <> x", "a", ColumnOperator.NotEqual, "x")]
    [InlineData("a != 'it''s'", "a", ColumnOperator.NotEqual, "it's")]
    [InlineData("a = ''", "a", ColumnOperator.Equal, "")]
    [InlineData("a = \"say \"\"x\"\"\"", "a", ColumnOperator.Equal, "say \"x\"")]
    [InlineData("\"odd \"\"name\" = two words", "odd \"name", ColumnOperator.Equal, "two words")]
    [InlineData("note CONTAINS time out", "note", ColumnOperator.Contains, "time out")]
    [InlineData("note contains'x'", "note", ColumnOperator.Contains, "x")]
    [InlineData("note starts  with Al", "note", ColumnOperator.StartsWith, "Al")]
    [InlineData("note is null", "note", ColumnOperator.IsNull, null)]
    [InlineData("note IS NOT NULL ", "note", ColumnOperator.IsNotNull, null)]
    [InlineData("note = 'null'", "note", ColumnOperator.Equal, "null")]
    [InlineData("Région <= é", "Région", ColumnOperator.LessOrEqual, "é")]
    public void A_condition_is_read_and_written_again(string text, string column, ColumnOperator what, string? value)
    {
        var condition = ColumnCondition.Parse(text);
        Assert.Equal(new ColumnCondition(column, what, value), condition);
        Assert.Equal(condition, ColumnCondition.Parse(condition.ToString()));
    }

    [Theory]
    [InlineData("", "its column is missing")]
    [InlineData("= 1", "its column is missing")]
    [InlineData("amount", "its operator is missing")]
    [InlineData("amount ~ 1", "its operator is none of these")]
    [InlineData("amount containsx", "its operator is none of these")]
    [InlineData("amount >", "its value is missing")]
    [InlineData("amount = null", "write 'is null'")]
    [InlineData("note is null now", "nothing follows")]
    [InlineData("\"note = 1", "has no end")]
    [InlineData("note = 'x", "has no end")]
    [InlineData("note = 'x' y", "something follows")]
    [InlineData("\"\" = 1", "its column is empty")]
    public void What_is_no_condition_is_told_with_what_is_one(string text, string why)
    {
        var wrong = Assert.Throws<ArgumentException>(() => ColumnCondition.Parse(text));
        Assert.Contains(why, wrong.Message, StringComparison.Ordinal);
        Assert.Contains("for example \"amount >= 10\"", wrong.Message, StringComparison.Ordinal);
        Assert.True(wrong.Data.Contains(PampaCluster.CallersFault));
    }
}
