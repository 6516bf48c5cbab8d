using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Pampa.Hosting;
using Pampa.Storage;

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
        var health = new DatabaseHealth(new PostgreSqlDialect(), "somewhere", log, time);
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

    [Fact]
    public void Whatever_can_be_mended_is_told_once_in_an_outage()
    {
        var (time, log) = (new FakeTimeProvider(), new Lines());
        var health = new DatabaseHealth(new PostgreSqlDialect(), "somewhere", log, time);
        for (var outage = 0; outage < 2; outage++)
        {
            log.All.Clear();
            time.Advance(TimeSpan.FromSeconds(1));
            health.Failed(Refused("57P01", "terminating connection due to administrator command"));
            for (var i = 0; i < 20; i++)
            {
                health.Failed(Refused("53100", "could not extend file \"base/1\": No space left on device\nDETAIL: of Ada"));
                health.Failed(new TimeoutException("no answer"));
                time.Advance(TimeSpan.FromSeconds(1));
            }
            Assert.Equal(2, log.All.Count);
            Assert.EndsWith("57P01: terminating connection due to administrator command", log.All[0], StringComparison.Ordinal);
            Assert.EndsWith("for 0 s now: 53100: could not extend file \"base/1\": No space left on device. Make room on the disk of the server.", log.All[1], StringComparison.Ordinal);
            time.Advance(TimeSpan.FromSeconds(6));
            health.Worked();
        }

        static PostgresException Refused(string state, string text) => new(text, "ERROR", "ERROR", state);
    }
}
