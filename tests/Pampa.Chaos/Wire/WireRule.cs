namespace Pampa.Chaos.Wire;

/// <summary>What happens to a request: all that a client sends before it waits for an answer.</summary>
internal enum WireAct
{
    /// <summary>The connection ends before the server has seen it.</summary>
    Cut,

    /// <summary>The server does it, and the connection ends instead of the answer.</summary>
    LoseAnswer,

    /// <summary>The connection ends at once, and the server gets it later all the same.</summary>
    DeliverLate,

    /// <summary>The server never sees it and the client is told an error.</summary>
    FailBefore,

    /// <summary>The server does it, and the client is told an error after the last row, as when a commit fails.</summary>
    FailAfter,

    /// <summary>It takes longer.</summary>
    Delay,

    /// <summary>The server gets something else, and the client of that only how it failed.</summary>
    Replace,

    /// <summary>The server does it, and the client is told an error where the answer is large.</summary>
    FailIfLarge,
}

/// <summary>What the proxy does to the requests of some connections while the rule stands.</summary>
/// <param name="application">Which: the name under which a connection was opened, or null for all.</param>
/// <param name="kinds">Requests that hold such a statement.</param>
/// <param name="act">What happens to them.</param>
/// <param name="most">To so many of them.</param>
internal sealed class WireRule(Func<string, bool>? application, StatementKinds kinds, WireAct act, int most)
{
    private int hits;

    public WireAct Act => act;

    public int Most => most;

    public string SqlState { get; init; } = "";

    public TimeSpan Time { get; init; }

    public int Hits => Volatile.Read(ref hits);

    public bool TryHit(string client, StatementKinds request)
    {
        if ((kinds & request) == 0 || application?.Invoke(client) == false) return false;
        if (Interlocked.Increment(ref hits) <= most) return true;
        Interlocked.Decrement(ref hits);
        return false;
    }
}
