using System.Text.RegularExpressions;

namespace Pampa.Chaos.Wire;

/// <summary>What a statement on the wire does, as far as faults aim at it.</summary>
[Flags]
internal enum StatementKinds
{
    None = 0,
    Reserve = 1,
    Start = 2,
    Finish = 4,
    Release = 8,
    Reclaim = 16,
    Commit = 32,
    Heartbeat = 64,
    Lease = 128,
    Other = 256,
    Any = 511,
}

/// <summary>
/// Tells statements apart by the shape of their text, whatever the table is called: each has a step or a column of the
/// statement's own (<c>_pampa_…</c>) that no other has. A test keeps these true to the approved texts.
/// </summary>
internal static partial class StatementShape
{
    [GeneratedRegex(@"WITH ORDINALITY AS z |_pampa_session[\s\S]*pampa_lease AS l")]
    private static partial Regex Reserve { get; }

    [GeneratedRegex(@"\+ 1\s+FROM _pampa_v AS v")]
    private static partial Regex Start { get; }

    // What comes with it, not its guards: those are taken out, one after the other, to see that the faults find it out.
    [GeneratedRegex(@"\bAS _pampa_st\b")]
    private static partial Regex Finish { get; }

    [GeneratedRegex(@"AS t SET ""(?:[^""]|"""")*"" = NULL, ""(?:[^""]|"""")*"" = NULL\s+FROM _pampa_v AS v")]
    private static partial Regex Release { get; }

    [GeneratedRegex(@"_pampa_verdict")]
    private static partial Regex Reclaim { get; }

    [GeneratedRegex(@"^\s*COMMIT\b", RegexOptions.IgnoreCase)]
    private static partial Regex Commit { get; }

    [GeneratedRegex(@"UPDATE pampa_worker AS t SET heartbeat_at")]
    private static partial Regex Heartbeat { get; }

    [GeneratedRegex(@"(UPDATE|INSERT INTO) pampa_lease\b")]
    private static partial Regex Lease { get; }

    /// <summary>Whether a connection that sends it is told things from then on.</summary>
    public static bool IsListen(string text) => text.StartsWith("LISTEN ", StringComparison.Ordinal);

    private static readonly (Regex Shape, StatementKinds Kind)[] Shapes =
    [
        (Reclaim, StatementKinds.Reclaim), (Reserve, StatementKinds.Reserve), (Finish, StatementKinds.Finish), (Start, StatementKinds.Start),
        (Release, StatementKinds.Release), (Commit, StatementKinds.Commit), (Heartbeat, StatementKinds.Heartbeat), (Lease, StatementKinds.Lease),
    ];

    public static StatementKinds Of(string text) =>
        Shapes.Where(s => s.Shape.IsMatch(text)).Select(s => s.Kind).FirstOrDefault(StatementKinds.Other);
}
