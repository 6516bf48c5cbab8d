using System.Globalization;
using Pampa.Storage;

namespace Pampa.Tests.Fixtures;

/// <summary>The database's clock in a test: it stands still until it is told otherwise.</summary>
internal sealed class TestClock(Func<DateTime, Task> set)
{
    public static readonly DateTime Begin = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>What the dialects take: a function that the test's database has.</summary>
    public static SqlClock Sql { get; } = new("pampa_test_now()", "pampa_test_now()");

    public DateTime Now { get; private set; } = Begin;

    /// <summary>The time as <see cref="Sql"/> gives it on SQLite.</summary>
    public string Text => Now.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    public Task AdvanceAsync(TimeSpan time)
    {
        Now += time;
        return set(Now);
    }

    /// <summary>The least step, after each call: no two statements share a moment.</summary>
    public Task TickAsync() => AdvanceAsync(TimeSpan.FromMilliseconds(1));
}
