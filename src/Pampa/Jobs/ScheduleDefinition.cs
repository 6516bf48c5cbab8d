using System.Text;
using System.Text.Json;

namespace Pampa.Jobs;

/// <summary>A part of what a tick does: a statement, or code.</summary>
internal sealed record TickStep(Func<ScheduleTick, Sql>? Statement, TickCode? Code);

/// <summary>A schedule that has been checked.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Expression">As the program has it.</param>
/// <param name="Zone">Whose clocks the expression means.</param>
/// <param name="Times">Its times.</param>
internal sealed record ScheduleDefinition(string Name, string Expression, TimeZoneInfo Zone, CronTimes Times)
{
    // What the texts of statements are made with, where they are only to be looked at: always the same, so that they are.
    private static readonly DateTimeOffset SomeTime = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The time zone as the program names it.</summary>
    public required string ZoneName { get; init; }

    public Misfire Misfire { get; init; }

    public int MisfireLimit { get; init; }

    public TimeSpan Grace { get; init; }

    public TimeSpan MaxDuration { get; init; }

    public required Backoff Backoff { get; init; }

    public required IReadOnlyList<TickStep> Steps { get; init; }

    /// <summary>Whether all that a tick does is statements.</summary>
    public bool IsPlain => Steps.All(s => s.Statement is not null);

    /// <summary>A tick that is none, for a look at the statements.</summary>
    public ScheduleTick Sample => new(Name, SomeTime, Zone, CancellationToken.None);

    /// <summary>The definition as the cluster sees it, besides the expression and its zone; statements only as text for people.</summary>
    public string Publish()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("misfire", Misfire.ToString());
            json.WriteNumber("misfireLimit", MisfireLimit);
            json.WriteNumber("graceSeconds", Grace.TotalSeconds);
            json.WriteNumber("maxDurationSeconds", MaxDuration.TotalSeconds);
            json.WriteStartArray("does");
            foreach (var step in Steps) json.WriteStringValue(step.Statement is { } statement ? PublishedJob.WhereText(() => statement(Sample)) : "(code)");
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
