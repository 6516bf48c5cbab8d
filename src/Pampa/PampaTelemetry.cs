namespace Pampa;

/// <summary>
/// By which names a program listens to Pampa's spans and measurements: <c>AddSource(PampaTelemetry.ActivitySourceName)</c> and
/// <c>AddMeter(PampaTelemetry.MeterName)</c> with OpenTelemetry, or a listener of its own. Where nobody listens they cost nothing.
/// <c>docs/telemetry.md</c> lists them.
/// </summary>
public static class PampaTelemetry
{
    /// <summary>The name of the source of spans: one for each attempt of a task, or for each batch.</summary>
    public const string ActivitySourceName = "Pampa";

    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Pampa";
}
