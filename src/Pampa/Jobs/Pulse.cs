namespace Pampa.Jobs;

/// <summary>
/// A loop's signs of life: each turn, each answer of the database. A loop that gives none, and does not rest, stands
/// still.
/// </summary>
internal sealed class Pulse(string name)
{
    private static readonly AsyncLocal<Pulse?> Own = new();
    private long beats;
    private int resting;

    public string Name => name;

    public long Beats => Interlocked.Read(ref beats);

    /// <summary>Whether it waits for something that may take as long as it likes.</summary>
    public bool IsResting => Volatile.Read(ref resting) > 0;

    /// <summary>What runs from here on, in this flow, counts for this loop.</summary>
    public void Take() => Own.Value = this;

    /// <summary>A sign of life of the loop that this flow belongs to, if it belongs to one.</summary>
    public static void Beat()
    {
        if (Own.Value is { } pulse) Interlocked.Increment(ref pulse.beats);
    }

    /// <summary>Waits on this thread for what may take as long as it likes.</summary>
    public T Rest<T>(Func<T> wait)
    {
        Interlocked.Increment(ref resting);
        try
        {
            return wait();
        }
        finally
        {
            Interlocked.Decrement(ref resting);
            Interlocked.Increment(ref beats);
        }
    }

    /// <summary>Waits, in the loop that this flow belongs to, for what may take as long as it likes.</summary>
    public static async Task RestAsync(Func<Task> waitAsync)
    {
        var pulse = Own.Value;
        if (pulse is not null) Interlocked.Increment(ref pulse.resting);
        try
        {
            await waitAsync();
        }
        finally
        {
            if (pulse is not null) Interlocked.Decrement(ref pulse.resting);
        }
        Beat();
    }
}
