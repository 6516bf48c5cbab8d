using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Pampa.Tests.Fixtures;

/// <summary>Hears the spans of one job; those of tests that run at the same time are no business of its.</summary>
internal sealed class Spans : IDisposable
{
    private readonly ActivityListener listener;

    public Spans(string job)
    {
        listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == PampaTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Name == $"process {job}" ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.OperationName == $"process {job}") Ended.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
    }

    public ConcurrentQueue<Activity> Ended { get; } = new();

    public void Dispose() => listener.Dispose();
}

/// <summary>A value of an instrument, with its tags as <c>name=value</c>.</summary>
internal sealed record Measured(string Instrument, double Value, string[] Tags);

/// <summary>Hears what is measured for one job, or of no job.</summary>
internal sealed class Measurements : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly ConcurrentQueue<Measured> heard = new();
    private readonly string? job;

    public Measurements(string? job)
    {
        this.job = job;
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == PampaTelemetry.MeterName) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Hear(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Hear(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Hear(instrument, value, tags));
        listener.Start();
    }

    public IReadOnlyList<Measured> All => [.. heard];

    public IReadOnlyList<Measured> Of(string instrument, params string[] tags) =>
        [.. heard.Where(m => m.Instrument == instrument && tags.All(m.Tags.Contains))];

    public double Sum(string instrument, params string[] tags) => Of(instrument, tags).Sum(m => m.Value);

    /// <summary>Asks the gauges.</summary>
    public void Observe() => listener.RecordObservableInstruments();

    private void Hear(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var all = tags.ToArray();
        var of = Array.Find(all, t => t.Key == "pampa.job").Value;
        if ((string?)of == job) heard.Enqueue(new Measured(instrument.Name, value, [.. all.Select(t => $"{t.Key}={t.Value}")]));
    }

    public void Dispose() => listener.Dispose();
}
