using System.Collections.Concurrent;

namespace Pampa.Storage;

/// <summary>
/// Texts of statements that a worker waits for, kept by what they are composed of: to compose one took a fifteenth of the time in
/// which a new record is found and started. A condition of the program's may be another one each time, so they are not kept for ever.
/// </summary>
internal sealed class ComposedTexts<TParts> where TParts : struct
{
    private const int Most = 100;
    private readonly ConcurrentDictionary<TParts, string> texts = [];

    public string Of<TComposer>(TParts parts, TComposer composer, Func<TParts, TComposer, string> compose)
    {
        if (texts.TryGetValue(parts, out var known)) return known;
        if (texts.Count >= Most) texts.Clear();
        return texts[parts] = compose(parts, composer);
    }
}
