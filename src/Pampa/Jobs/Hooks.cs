namespace Pampa.Jobs;

/// <summary>What a hook is told of.</summary>
internal enum HookKind
{
    Starting,
    Finished,
    Relaunched,
}

/// <summary>
/// What the program does when tasks of a job start, have ended or are to run again: statements that are part of the transaction in which
/// the record is changed, and code that runs once that is committed.
/// </summary>
internal sealed class Hooks
{
    private readonly List<Func<TaskEvent, Sql?>>[] statements = [[], [], []];
    private readonly List<Func<TaskEvent, Task>>[] code = [[], [], []];

    /// <summary>None at all; nobody adds to these.</summary>
    public static Hooks None { get; } = new();

    public void Add(HookKind kind, Func<TaskEvent, Sql?> statement) => statements[(int)kind].Add(statement);

    public void Add(HookKind kind, Func<TaskEvent, Task> codeAsync) => code[(int)kind].Add(codeAsync);

    public IReadOnlyList<Func<TaskEvent, Sql?>> Statements(HookKind kind) => statements[(int)kind];

    public IReadOnlyList<Func<TaskEvent, Task>> Code(HookKind kind) => code[(int)kind];

    public bool HasStatements(HookKind kind) => statements[(int)kind].Count > 0;

    public bool HasCode(HookKind kind) => code[(int)kind].Count > 0;

    public bool Has(HookKind kind) => HasStatements(kind) || HasCode(kind);

    public bool IsEmpty => !Enum.GetValues<HookKind>().Any(Has);

    /// <summary>Whether a task starts or ends in a transaction of its own, and not together with others.</summary>
    public bool AreInTransactions => HasStatements(HookKind.Starting) || HasStatements(HookKind.Finished);

    /// <summary>How the program calls them.</summary>
    public static string NameOf(HookKind kind) => $"On{kind}";
}
