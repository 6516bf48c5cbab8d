using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>Who leads a scope, and in which term. Every write of a leader carries it.</summary>
internal sealed record LeaseTerm(string Scope, string Holder, long Term)
{
    /// <summary>
    /// PROTOCOL T1, T7, T9: the condition of each write of a leader, that its term still stands. Its parameters are the cluster and those of <see
    /// cref="Bind"/>.
    /// </summary>
    public static string Holds(Dialect dialect) =>
        $"EXISTS (SELECT 1 FROM pampa_lease AS l WHERE l.cluster = @cluster AND l.scope = @scope AND l.holder = @holder AND l.term = @term AND l.expires_at > {dialect.Now})";

    /// <summary>Binds what <see cref="Holds"/> asks for, but for the cluster.</summary>
    public Statement Bind(Statement statement) => statement.With("scope", Scope).With("holder", Holder).With("term", Term);
}

/// <summary>How a worker is.</summary>
/// <param name="Node">Its node.</param>
/// <param name="HasResigned">Whether it has left in good order.</param>
/// <param name="IsExpired">Whether its lease is over by the database's clock.</param>
/// <param name="LastHeard">How long ago its last heartbeat came.</param>
internal sealed record WorkerVital(string Node, bool HasResigned, bool IsExpired, TimeSpan LastHeard);

/// <summary>A job as a program has published it.</summary>
/// <param name="Job">Its name.</param>
/// <param name="Definition">As <see cref="Jobs.PublishedJob"/> writes it.</param>
/// <param name="Revision">How often it was changed, and once.</param>
/// <param name="Program">Which program published it last.</param>
internal sealed record PublishedRow(string Job, string Definition, long Revision, string Program);

/// <summary>A worker's row as a watcher sees it.</summary>
/// <param name="Id">For example <c>local.1</c>.</param>
/// <param name="Node">The node it belongs to.</param>
/// <param name="Session">The life of the id.</param>
/// <param name="Heartbeat">When it was last heard, as the database wrote it.</param>
/// <param name="IsExpired">Whether its lease is over by the database's clock.</param>
/// <param name="State">One of <see cref="WorkerStates"/>.</param>
/// <param name="Process">The identity of its process.</param>
/// <param name="Lease">How long a heartbeat of it lasts, as its own process has set it.</param>
internal sealed record WorkerLife(
    string Id, string Node, long Session, string Heartbeat, bool IsExpired, string State, string Process, TimeSpan Lease)
{
    /// <summary>The version of the program that its process runs; null: it has none that can be read.</summary>
    public ProgramVersion? Version { get; init; }
}

/// <summary>The values of <c>pampa_worker.state</c>.</summary>
internal static class WorkerStates
{
    /// <summary>
    /// Registered, still taking back what its former life held; gets no tasks yet. In the table the mark of its registration stands
    /// behind it.
    /// </summary>
    public const string Recovering = "recovering";

    /// <summary>Gets tasks.</summary>
    public const string Ready = "ready";

    /// <summary>Left in good order.</summary>
    public const string Resigned = "resigned";

    /// <summary>As the table has it: registered, by a registration that is known again by its mark.</summary>
    public static string RecoveringAs(string mark) => mark.Length == 0 ? Recovering : $"{Recovering} {mark}";

    /// <summary>The state of what the table has.</summary>
    public static string Of(string text) => text.StartsWith(Recovering, StringComparison.Ordinal) ? Recovering : text;
}

/// <summary>
/// By what a process knows a registration of its own again whose answer was lost. A life of a node draws a new mark for each try, so whoever
/// else has one of the process's ids, be it another node of the same process, has another mark.
/// </summary>
/// <param name="Mark">Of this try; no two tries have the same.</param>
/// <param name="InDoubt">Of the earlier tries of which nobody knows what became of them.</param>
internal sealed record RegistrationMark(string Mark, IReadOnlyList<string> InDoubt)
{
    /// <summary>It is never known again.</summary>
    public static RegistrationMark None { get; } = new("", []);
}
