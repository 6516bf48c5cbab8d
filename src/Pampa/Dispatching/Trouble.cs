namespace Pampa.Dispatching;

/// <summary>
/// What goes wrong with code of the program's, of one kind: it is told when it begins and when all of it is over, not each time.
/// </summary>
/// <param name="begin">Told of whom, and what is wrong.</param>
/// <param name="end">Told that nothing is wrong any more.</param>
internal sealed class Trouble(Action<string, string> begin, Action end)
{
    private readonly Lock gate = new();
    private readonly HashSet<string> open = new(StringComparer.Ordinal);

    /// <summary>It goes wrong for somebody.</summary>
    public void Begin(string who, string error)
    {
        lock (gate)
        {
            if (open.Add(who) && open.Count == 1) begin(who, error);
        }
    }

    /// <summary>It has worked for somebody, or he is not there any more.</summary>
    public void End(string who)
    {
        lock (gate)
        {
            if (open.Remove(who) && open.Count == 0) end();
        }
    }
}
