using System.Globalization;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>How long all tests that need the browser may take together: whoever waits for them waits for the others, too.</summary>
internal static class Budget
{
    private static readonly TimeSpan Wanted = TimeSpan.FromMinutes(3);

    // Twice that: a machine that does other things, too, is slow without anybody's fault.
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(6);

    /// <summary>A line that says what they took.</summary>
    public static string Told(TimeSpan taken) => string.Create(
        CultureInfo.InvariantCulture, $"The tests in the browser took {taken.TotalSeconds:N0} s; {Wanted.TotalSeconds:N0} s are meant, and more than {Most.TotalSeconds:N0} s are a failure.");

    /// <summary>Fails where it was far more than is meant.</summary>
    public static void Check(TimeSpan taken) => Assert.True(taken <= Most, Told(taken));
}
