using Pampa.Jobs;

namespace Pampa.Tests.Units;

public sealed class KeyTextTests
{
    [Theory]
    [InlineData("a", "b")]
    [InlineData("a,b", "c")]
    [InlineData("a\\", ",")]
    [InlineData("\\,", "\\\\", "")]
    [InlineData("", "")]
    public void What_was_joined_is_split_into_the_same(params string[] parts) => Assert.Equal(parts, KeyText.Split(KeyText.Join(parts)));
}
