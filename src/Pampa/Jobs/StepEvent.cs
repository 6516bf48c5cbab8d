using System.Collections;
using System.Globalization;

namespace Pampa.Jobs;

/// <summary>How a step of the log stands.</summary>
internal enum StepOutcome
{
    Begun,
    Done,
    Failed,

    /// <summary>It was left without a word: by an exception, or because nobody said that it is done.</summary>
    NotDone,
}

/// <summary>
/// One entry of the log about a step: a text for people, and for other loggers what it is made of, by name.
/// </summary>
/// <param name="step">What is done.</param>
/// <param name="depth">How many steps it stands in.</param>
/// <param name="outcome">How it stands.</param>
/// <param name="result">In words; of one that has begun, empty.</param>
/// <param name="elapsed">Since its begin.</param>
internal sealed class StepEvent(string step, int depth, StepOutcome outcome, string result, TimeSpan elapsed) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private const string BegunForm = "{Step}...";
    private const string EndedForm = "{Step}... {Result} ({ElapsedSeconds} s)";
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(100);

    public int Depth => depth;

    public StepOutcome Outcome => outcome;

    /// <summary>What has been the same since its begin.</summary>
    public string Beginning => $"{step}...";

    /// <summary>What its end adds.</summary>
    public string Ending => outcome == StepOutcome.Begun ? "" : string.Create(CultureInfo.InvariantCulture,
        $"{result} ({(elapsed < Long ? $"{elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s" : elapsed.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture))})");

    public int Count => outcome == StepOutcome.Begun ? 3 : 6;

    public KeyValuePair<string, object?> this[int index] => (index, Count) switch
    {
        (0, _) => new("Step", step),
        (1, _) => new("Depth", depth),
        (2, 6) => new("Outcome", outcome.ToString()),
        (3, _) => new("Result", result),
        (4, _) => new("ElapsedSeconds", elapsed.TotalSeconds),
        (2, 3) or (5, _) => new("{OriginalFormat}", outcome == StepOutcome.Begun ? BegunForm : EndedForm),
        _ => throw new ArgumentOutOfRangeException(nameof(index), index, null),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => Ending.Length == 0 ? Beginning : $"{Beginning} {Ending}";
}

/// <summary>Something that entries of the log belong to, as loggers take it: names and values.</summary>
/// <param name="text">In words.</param>
/// <param name="values">What it is made of.</param>
internal abstract class LogScope(string text, params KeyValuePair<string, object?>[] values) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => values.Length;

    public KeyValuePair<string, object?> this[int index] => values[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => values.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => text;
}

/// <summary>The step in which something is logged.</summary>
internal sealed class StepScope(string step, int depth) : LogScope(step, new("Step", step), new("Depth", depth));

/// <summary>The task whose handler logs something.</summary>
internal sealed class TaskScope(string job, string key, string worker, int attempt) : LogScope(
    $"{worker} {job} {key}", new("Job", job), new("Key", key), new("Worker", worker), new("Attempt", attempt));
