using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Pampa.Hosting;

namespace Pampa.Tests.Units;

public sealed class DatabaseHealthTests
{
    private sealed class Lines : ILogger
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Add(formatter(state, exception));
    }

    [Fact]
    public void A_database_that_answers_every_second_statement_is_one_outage()
    {
        var (time, log) = (new FakeTimeProvider(), new Lines());
        var health = new DatabaseHealth("somewhere", log, time);
        for (var i = 0; i < 40; i++)
        {
            health.Failed(new TimeoutException("read-only"));
            time.Advance(TimeSpan.FromSeconds(1));
            health.Worked();
            Assert.True(health.IsDown);
            time.Advance(TimeSpan.FromSeconds(1));
        }
        // When it goes, and once a minute that it is still away.
        Assert.Equal(2, log.All.Count);
        time.Advance(TimeSpan.FromSeconds(4));
        health.Worked();
        Assert.False(health.IsDown);
        health.Worked();
        Assert.Contains("is back (somewhere) after 78 s", Assert.Single(log.All.Skip(2)), StringComparison.Ordinal);
    }
}
