using System.Text.Json;

namespace Pampa.Tests.Units;

/// <summary>What is wrong with a schedule is told before anything starts.</summary>
public sealed class ScheduleBuilderTests
{
    private static List<string> Errors(Action<PampaBuilder> configure, bool needsCode = true)
    {
        var program = new PampaBuilder();
        program.AddJob("job", "numbers", "value", job => job.Process(_ => { }));
        configure(program);
        var errors = new List<string>();
        program.Build(errors, needsCode);
        return errors;
    }

    private static string Error(Action<ScheduleBuilder> configure, string expression = "0 3 * * *") => Assert.Single(Errors(pampa =>
        pampa.AddSchedule("nightly", expression, schedule =>
        {
            schedule.Do(_ => $"SELECT 1");
            configure(schedule);
        })));

    [Theory]
    [InlineData("every day", "Schedule 'nightly': its expression must be a cron expression of five fields (minute, hour, day, month, day of the week), for example '0 3 * * *' for three o'clock, or of six with seconds first; got 'every day'.")]
    [InlineData("60 * * * *", "got '60 * * * *'.")]
    [InlineData("", "got ''.")]
    [InlineData("0 0 30 2 *", "Schedule 'nightly': its expression must name a time that comes, got '0 0 30 2 *', which never does.")]
    public void An_expression_that_is_none(string expression, string told) => Assert.Contains(told, Error(_ => { }, expression), StringComparison.Ordinal);

    [Theory, InlineData("Europe/Madird", "(did you mean 'Europe/Madrid'?)"), InlineData("", "got ''"), InlineData(null, "got ''")]
    public void A_time_zone_that_is_unknown(string? zone, string told)
    {
        var error = Error(schedule => schedule.TimeZone = zone!);
        Assert.StartsWith("Schedule 'nightly': TimeZone must be the name of a time zone, for example Europe/Madrid or UTC, got '", error, StringComparison.Ordinal);
        Assert.Contains(told, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_out_of_their_range()
    {
        Assert.EndsWith("Misfire must be Once, Skip or All, got 7.", Error(s => s.Misfire = (Misfire)7), StringComparison.Ordinal);
        Assert.EndsWith("MisfireLimit must be between 1 and 1,000, got 0.", Error(s => s.MisfireLimit = 0), StringComparison.Ordinal);
        Assert.EndsWith("MisfireLimit must be between 1 and 1,000, got 1,001.", Error(s => s.MisfireLimit = 1_001), StringComparison.Ordinal);
        Assert.EndsWith("Grace must be between 1 second and 3,650 days, got 00:00:00.", Error(s => s.Grace = TimeSpan.Zero), StringComparison.Ordinal);
        Assert.EndsWith("MaxDuration must be between 1 second and 1 hour, got 02:00:00.", Error(s => s.MaxDuration = TimeSpan.FromHours(2)), StringComparison.Ordinal);
        Assert.EndsWith("Backoff must not be null: use Backoff.None for no delay.", Error(s => s.Backoff = null!), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_the_same_or_none_and_schedules_that_do_nothing_all_at_once()
    {
        var errors = Errors(pampa =>
        {
            pampa.AddSchedule("twice", "@daily", s => s.Do(_ => $"SELECT 1"));
            pampa.AddSchedule("twice", "@daily", s => s.Do((_, _, _) => { }));
            pampa.AddSchedule("a b", "@daily", _ => { });
        });
        Assert.Equal(
            [
                "Schedule 'twice' is added 2 times; names must differ.",
                "Schedule 'a b': the name must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit.",
                "Schedule 'a b': there is nothing to do: call Do with a statement or with code.",
            ], errors);
        // Who only makes tables ready runs no tick.
        Assert.Empty(Errors(pampa => pampa.AddSchedule("named", "@daily", _ => { }), needsCode: false));
    }

    [Theory, InlineData(15, 60), InlineData(3, 60), InlineData(45, 90)]
    public void The_usual_grace_outlives_a_change_of_the_leader(int lease, int grace)
    {
        var program = new PampaBuilder { LeaderLease = TimeSpan.FromSeconds(lease) };
        program.AddSchedule("nightly", "@daily", s => s.Do(_ => $"SELECT 1"));
        program.Build([]);
        Assert.Equal(TimeSpan.FromSeconds(grace), Assert.Single(program.Schedules).Grace);
    }

    [Fact]
    public void Its_definition_is_published_as_structure_and_its_statements_as_text_for_people()
    {
        var program = new PampaBuilder();
        program.AddSchedule("nightly", "@daily", schedule =>
        {
            schedule.Do(tick => $"INSERT INTO reports (day) VALUES ({tick.Date})");
            schedule.Do(async (_, _, _) => await Task.Yield());
            schedule.Do(_ => throw new InvalidOperationException("not now"));
        });
        program.Build([]);
        var published = JsonDocument.Parse(Assert.Single(program.Schedules).Publish()).RootElement;
        Assert.Equal(("Once", 60), (published.GetProperty("misfire").GetString(), published.GetProperty("graceSeconds").GetInt32()));
        Assert.Equal(["INSERT INTO reports (day) VALUES (@p0)", "(code)", "(throws InvalidOperationException)"],
            published.GetProperty("does").EnumerateArray().Select(e => e.GetString()));
    }
}
