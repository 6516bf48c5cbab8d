using Pampa.Dashboard.Tests.Fixtures;
using Xunit.Sdk;

namespace Pampa.Dashboard.Tests;

/// <summary>What the tests in the browser may take.</summary>
public sealed class BudgetTests
{
    [Theory, InlineData(20), InlineData(181), InlineData(360)]
    public void What_a_busy_machine_takes_is_told_and_is_no_failure(int seconds)
    {
        Budget.Check(TimeSpan.FromSeconds(seconds));
        Assert.StartsWith($"The tests in the browser took {seconds} s; 180 s are meant", Budget.Told(TimeSpan.FromSeconds(seconds)), StringComparison.Ordinal);
    }

    [Fact]
    public void Far_more_than_is_meant_is_one() =>
        Assert.Contains("took 361 s", Assert.Throws<TrueException>(() => Budget.Check(TimeSpan.FromSeconds(361))).Message, StringComparison.Ordinal);
}
