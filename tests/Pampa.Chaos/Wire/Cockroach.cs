using System.Collections.Concurrent;

namespace Pampa.Chaos.Wire;

/// <summary>
/// Makes the PostgreSQL behind a proxy behave like CockroachDB, as far as that can be done from outside: it says so, refuses what
/// CockroachDB has not, and fails as CockroachDB does.
/// </summary>
internal sealed class Cockroach
{
    /// <summary>Bytes of an answer that the server keeps: until then it can repeat a statement by itself.</summary>
    public const int KeptBytes = 16 * 1024;

    /// <summary>What goes wrong; null: nothing.</summary>
    public CockroachFaults? Faults { get; init; }

    /// <summary>Whether clients do not get to know what would cancel their statements.</summary>
    public bool HidesKey { get; init; }

    /// <summary>What was refused: the database, the statement and the reason. There must be nothing.</summary>
    public ConcurrentQueue<(string Database, string Text, string Why)> Refused { get; } = [];

    /// <summary>What went wrong, by SQLSTATE.</summary>
    public ConcurrentDictionary<string, int> Failed { get; } = [];

    public void Fail(string state) => Failed.AddOrUpdate(state, 1, (_, n) => n + 1);
}

/// <summary>What becomes of a request.</summary>
/// <param name="Act">What happens to it or to its answer; null: nothing.</param>
/// <param name="SqlState">The error that is told.</param>
/// <param name="Instead">What the server gets in its place.</param>
internal readonly record struct Verdict(WireAct? Act, string SqlState = "", string? Instead = null);

/// <summary>One connection to such a server.</summary>
internal sealed class CockroachSession(Cockroach server, string database)
{
    public const string RestartText = "restart transaction: TransactionRetryWithProtoRefreshError: injected";
    private readonly Dictionary<string, string> prepared = [];
    private readonly List<string> statements = [];
    private string? refusal;
    private bool isInBlock;

    /// <summary>Takes in a part of a request, and says what the server gets.</summary>
    public Frame Look(Frame frame)
    {
        switch (frame.Type)
        {
            case 'Q':
                var query = frame.Text();
                Check(query);
                statements.Add(query);
                return Translated(frame, 0, query);
            case 'P':
                var text = frame.Text(skip: 1);
                Check(text);
                prepared[frame.Text()] = text;
                return Translated(frame, 1, text);
            case 'B' when prepared.TryGetValue(frame.Text(skip: 1), out var bound):
                statements.Add(bound);
                return frame;
            default:
                return frame;
        }
    }

    private static Frame Translated(Frame frame, int skip, string text) =>
        CockroachLint.Translated(text) is var translated && translated == text ? frame : frame.WithText(skip, translated);

    private void Check(string text)
    {
        if (refusal is null && CockroachLint.Refusal(text) is { } why) Refuse(text, why);
    }

    private void Refuse(string text, string why)
    {
        refusal = why;
        server.Refused.Enqueue((database, text, why));
    }

    /// <summary>The request is complete.</summary>
    /// <param name="isIdle">Whether no earlier one is still to be answered, so that the status is known.</param>
    /// <param name="status">The last status that the server has told.</param>
    public Verdict Judge(bool isIdle, char status)
    {
        List<string> request = [.. statements];
        statements.Clear();
        var begins = request.Exists(s => Starts(s, "BEGIN") || Starts(s, "START TRANSACTION"));
        var commits = request.Exists(s => Starts(s, "COMMIT") || Starts(s, "END"));
        var rollsBack = request.Exists(s => Starts(s, "ROLLBACK"));
        if (refusal is null && request.Find(CockroachLint.IsDdl) is { } ddl && (isInBlock || request.Count > 1))
            Refuse(ddl, "a statement that changes the schema wants a transaction of its own");
        isInBlock = begins || (isInBlock && !commits && !rollsBack);
        if (refusal is { } why)
        {
            refusal = null;
            return Raise("0A000", why);
        }
        if (server.Faults is not { } faults || begins || rollsBack || request.Count == 0) return default;
        if (request.Exists(text => IsDrivers(text) || faults.Spares?.Invoke(text) == true)) return default;
        var isAlone = isIdle && status == 'I' && !isInBlock;
        if (faults.Happens(commits ? faults.RefusedCommits : faults.Restarts)) return Restart(commits);
        if ((commits || (isAlone && request.Exists(CockroachLint.IsMutation))) && faults.Happens(faults.Ambiguous)) return new(WireAct.FailAfter, "40003");
        return isAlone && !request.Exists(CockroachLint.IsMutation) && faults.Happens(faults.RestartedLargeAnswers) ? new(WireAct.FailIfLarge, "40001") : default;
    }

    private Verdict Restart(bool commits)
    {
        server.Fail("40001");
        var raise = Raise("40001", RestartText);
        // A transaction whose COMMIT was refused is over.
        return commits ? raise with { Instead = $"ROLLBACK; {raise.Instead}" } : raise;
    }

    // The server fails by itself, so that its transaction fails with it.
    private static Verdict Raise(string state, string why) =>
        new(WireAct.Replace, state, $"DO $pampa$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = '{why.Replace("'", "''", StringComparison.Ordinal)}'; END $pampa$");

    private static bool Starts(string text, string word) => text.AsSpan().TrimStart().StartsWith(word, StringComparison.OrdinalIgnoreCase);

    // What the driver asks when it connects is no transaction there.
    private static bool IsDrivers(string text) =>
        text.Contains("pg_backend_pid", StringComparison.Ordinal) || text.Contains("typelem", StringComparison.Ordinal) || Starts(text, "DISCARD") || Starts(text, "DEALLOCATE");
}
