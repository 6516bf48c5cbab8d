namespace Pampa.Tests.Simulation;

/// <summary>What a process does of the cluster's work.</summary>
internal enum Part
{
    /// <summary>It works, and leads if it may.</summary>
    All,

    /// <summary>It leads if it may, and has no workers: it joins nothing.</summary>
    Dispatcher,

    /// <summary>It works, and never leads.</summary>
    Node,
}

/// <summary>Rules of what a process may ask for at all.</summary>
internal static class Parts
{
    private static readonly string[] OfDispatchers = ["ACQUIRE", "RENEW", "WATCH", "HOLDS", "PICK", "RESERVE", "RESERVE AND START", "RECLAIM", "EXHAUST"];
    private static readonly string[] OfNodes = ["REGISTER", "HEARTBEAT", "STATE", "MAIL", "OWN", "RECOVER", "START", "FINISH"];

    public static bool Dispatches(this Part part) => part != Part.Node;

    public static bool Works(this Part part) => part != Part.Dispatcher;

    public static void Check(SimulatedProcess process, Sent sent)
    {
        if (!process.Part.Dispatches() && OfDispatchers.Contains(sent.Kind)) throw new BrokenRuleException($"a process that only works leads: {process} {sent}");
        // One without a row asks whether the table is locked as a whole.
        var isProbe = sent is { Kind: "FINISH", Rows: [] };
        if (!process.Part.Works() && OfNodes.Contains(sent.Kind) && !isProbe) throw new BrokenRuleException($"a process that only leads works: {process} {sent}");
    }
}
