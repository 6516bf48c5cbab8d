namespace Pampa.Hosting;

/// <summary>How the process is.</summary>
internal sealed partial class Engine
{
    private Watchdog? watching;

    /// <summary>What is known of it just now: nobody is asked for it, so a look costs nothing.</summary>
    public EngineState State => new(
        Role.Works, Dispatches, Node.IsJoined, Node.Membership.IsTrusted, Dispatcher.KnowsLeader, Dispatcher.IsLeading, health.IsDown, watching?.Standing);
}
