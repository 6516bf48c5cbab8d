using System.Globalization;

namespace Pampa.Chaos.Work;

/// <summary>The table of tasks: its names, and how a task of a number is found in it. Program and checker read it from here.</summary>
internal sealed record Shape
{
    public required Profile Profile { get; init; }

    /// <summary>As a program writes it, which is also SQL.</summary>
    public required string Table { get; init; }

    public required string[] Key { get; init; }

    /// <summary>The seven columns in the order of the protocol: rid, rt, n, st, et, ok, err.</summary>
    public required string[] State { get; init; }

    /// <summary>The name of the job, which also begins the names of what belongs to its table.</summary>
    public required string Job { get; init; }

    /// <summary>No task of the table has a lower number, and none so high a one as the next table's first.</summary>
    public long FirstId { get; init; } = 1;

    /// <summary>All tables of tasks: this one, that of the tasks which are run many at once, and that of those with statements of hooks.</summary>
    public IReadOnlyList<Shape> All => [this, Of("batches", FirstBatched), Of("hooked", FirstHooked)];

    private const long FirstBatched = 10_000_000;
    private const long FirstHooked = 20_000_000;

    private Shape Of(string job, long first) => this with { Job = job, FirstId = first, Table = Profile == Profile.Portable ? $"\"My Schema\".{job}" : job };

    /// <summary>How a task comes to its end.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="worker">Whose it is.</param>
    public static Means MeansOf(long id, string worker) => id switch
    {
        >= FirstHooked => Means.Hooks,
        >= FirstBatched => Means.Batch,
        _ => IsTransactional(worker.Split('.')[0]) ? Means.Transaction : Means.Plain,
    };

    public string Rid => Quote(State[0]);

    public string Rt => Quote(State[1]);

    public string N => Quote(State[2]);

    public string St => Quote(State[3]);

    public string Et => Quote(State[4]);

    public string Ok => Quote(State[5]);

    public string Err => Quote(State[6]);

    public TaskColumns Columns => new()
    {
        ReservationId = State[0],
        ReservationTime = State[1],
        ReservationTimes = State[2],
        StartTime = State[3],
        EndTime = State[4],
        Success = State[5],
        ErrorDescription = State[6],
    };

    public static Shape Of(Profile profile) => profile == Profile.Portable
        ? new Shape
        {
            Profile = profile,
            Job = "chaos",
            Table = "\"My Schema\".\"Order\"",
            Key = ["Région", "user"],
            State = ["select", "Reserved At", "n\"n", "start;--", "END", "o'k", "error @max"],
        }
        : new Shape
        {
            Profile = profile,
            Job = "chaos",
            Table = "tasks",
            Key = ["id"],
            State = ["reservation_id", "reservation_time", "reservation_times", "start_time", "end_time", "success", "error_description"],
        };

    /// <summary>Nodes whose build writes what its tasks do outside of their record in the transaction of their completion.</summary>
    public static bool IsTransactional(string member) => member is "b" or "w";

    /// <summary>Whether a completion holds a write to the journal: no batch has a transaction.</summary>
    public static bool IsTransactional(long id, string? worker) =>
        worker is not null && MeansOf(id, worker) is not Means.Batch && IsTransactional(worker.Split('.')[0]);

    /// <summary>Where those write.</summary>
    public string Journal => Profile == Profile.Portable ? "\"My Schema\".journal" : "journal";

    /// <summary>Its columns, in a CREATE TABLE. It has no key: what is there twice must be seen.</summary>
    public const string JournalColumns = "id bigint NOT NULL, life bigint NOT NULL, attempt bigint NOT NULL, worker text NOT NULL";

    /// <summary>Where the statements of hooks write, in a CREATE TABLE.</summary>
    public const string HookTable = "hook_events (what text NOT NULL, id bigint NOT NULL, attempt bigint NOT NULL, outcome text NOT NULL)";

    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The columns of the key but the number, which each task has in any case, and their types.</summary>
    public string KeyColumns => Profile == Profile.Portable ? "\"Région\" text NOT NULL, \"user\" uuid NOT NULL, " : "";

    public string PrimaryKey => string.Join(", ", Key.Select(Quote));

    /// <summary>The key's columns and values of a task in an INSERT, each with a comma behind it.</summary>
    public (string Columns, string Values) KeyOf(long id) => Profile == Profile.Portable
        ? ("\"Région\", \"user\", ", string.Create(CultureInfo.InvariantCulture, $"'{Region(id)}', '{User(id)}', "))
        : ("", "");

    /// <summary>The key as the command line takes it.</summary>
    public string KeyText(long id) => Profile == Profile.Portable ? $"{Region(id)},{User(id)}" : id.ToString(CultureInfo.InvariantCulture);

    private static string Region(long id) => string.Create(CultureInfo.InvariantCulture, $"R é\"{id / 3:D4}");

    private static string User(long id) => string.Create(CultureInfo.InvariantCulture, $"00000000-0000-0000-0000-{id:D12}");
}
