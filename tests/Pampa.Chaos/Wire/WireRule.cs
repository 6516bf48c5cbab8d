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
}

/// <summary>What the proxy does to the requests of some connections while the rule stands.</summary>
/// <param name="Application">Which: the name under which a connection was opened, or null for all.</param>
/// <param name="Kinds">Requests that hold such a statement.</param>
/// <param name="Act">What happens to them.</param>
/// <param name="Most">To so many of them.</param>
internal sealed record WireRule(Func<string, bool>? Application, StatementKinds Kinds, WireAct Act, int Most)
{
    private int hits;

    public string SqlState { get; init; } = "";

    public TimeSpan Time { get; init; }

    public int Hits => Volatile.Read(ref hits);

    public bool TryHit(string application, StatementKinds kinds)
    {
        if ((Kinds & kinds) == 0 || Application?.Invoke(application) == false) return false;
        if (Interlocked.Increment(ref hits) <= Most) return true;
        Interlocked.Decrement(ref hits);
        return false;
    }
}
