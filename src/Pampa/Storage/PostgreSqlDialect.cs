using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using Pampa.Jobs;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>
/// PostgreSQL 14 and later. What travels has the type that the catalog names, or is text that is cast to it on the
/// parameter's side, so that indexes serve and no driver rounds anything.
/// </summary>
internal partial class PostgreSqlDialect(SqlClock? clock = null) : Dialect
{
    private readonly string now = (clock ?? new SqlClock("now()", "clock_timestamp()")).Now;
    private readonly string wall = (clock ?? new SqlClock("now()", "clock_timestamp()")).Wall;

    public override string Name => "PostgreSQL";

    public override bool ReservesInOneStatement => true;

    public override string SkipLocked => " FOR UPDATE OF t SKIP LOCKED";

    public override INotifications? Notifications => new PostgreSqlNotifications(this);

    // Local to the statement's own transaction, so it is right behind a pooler too, and costs no round trip of its own.
    public override string? Preamble(Statement statement) => string.Concat(
        TimeLimits(statement.EndsAfter ?? LongestStatement), Dates, statement.IsByKey ? ByKey : "", statement.IsByKey && statement.HasOnePlan ? OnePlan : "",
        statement.MayBeForgotten ? Unflushed : "", statement.Turn is { } turn ? TakeTurn(turn) : "");

    // Who waits for his turn does so in each transaction.
    public override string? SessionSettings(Statement statement) =>
        statement.Turn is null ? Preamble(statement)?.Replace(", true)", ", false)", StringComparison.Ordinal) : null;

    private static readonly TimeSpan LongestStatement = TimeSpan.FromSeconds(30);

    private static string TimeLimits(TimeSpan longest) =>
        $"SELECT set_config('lock_timeout', '200ms', true), set_config('statement_timeout', '{longest.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s', true)";

    public override IReadOnlyList<string> LookLimits(bool mayLock, TimeSpan longest) =>
    [
        .. mayLock ? [] : (string[])["SET TRANSACTION READ ONLY"],
        $"SELECT set_config('lock_timeout', '1s', true), set_config('statement_timeout', '{longest.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s', true){Dates}",
    ];

    /// <summary>
    /// Times as text look the same whatever the server, the database or the role likes better; in which order a text names day and month
    /// stays as it was, for that is the program's own.
    /// </summary>
    protected virtual string Dates => ", set_config('datestyle', 'ISO', true)";

    public override Examiner Examiner => new PostgreSqlExaminer(this);

    // How many rows a list of parameters has, or how many are pending in a table that was just loaded, is a guess to
    // the planner. A wrong one makes it read or sort the whole table, once for each row at worst; an index in the order
    // of the key is right whatever the numbers. What is switched off only costs more; so much that the server would
    // compile the statement, for half a second: that is off as well.
    protected virtual string ByKey => string.Concat(
        ((string[])["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit"])
        .Select(setting => $", set_config('{setting}', 'off', true)"));

    // The server would plan FINISH anew each time, for lists of whose lengths it thinks much; that takes four times as long as to write one record.
    protected virtual string OnePlan => ", set_config('plan_cache_mode', 'force_generic_plan', true)";

    /// <summary>The commit does not wait for the disk. A later one that does brings it along.</summary>
    protected virtual string Unflushed => ", set_config('synchronous_commit', 'off', true)";

    public override string Now => now;

    public override string MomentType => "timestamptz";

    public override string NowPlus(string seconds) => $"({now} + {seconds} * interval '1 second')";

    public override string NowFor(ColumnInfo column) => Truncated(InZone(now, column), column);

    public override string ClockFor(ColumnInfo column) => Truncated(InZone(wall, column), column);

    public override string NowPlusFor(ColumnInfo column, string seconds) => Truncated(InZone(NowPlus(seconds), column), column);

    public override string MomentFor(ColumnInfo column, string text) => Truncated(InZone($"{text}::timestamptz", column), column);

    public override string IsPast(string expression, ColumnInfo column) =>
        column.IsNullable ? $"({expression} IS NULL OR {expression} <= {InZone(now, column)})" : $"{expression} <= {InZone(now, column)}";

    public override string IsPastBy(string expression, ColumnInfo column, string seconds) =>
        $"COALESCE({expression} <= {InZone(NowPlus($"-({seconds})"), column)}, FALSE)";

    public override string MayBePastBy(string expression, ColumnInfo column, string seconds) =>
        $"{expression} <= {InZone(NowPlus($"-({seconds})"), column)}";

    public override string Spread(IReadOnlyList<string> expressions) =>
        $"({Hash($"concat_ws(',', {string.Join(", ", expressions.Select(AsText))})")}::float8 / 65536.0::float8)";

    /// <summary>A whole number from 0 to 65,535 that follows from a text.</summary>
    protected virtual string Hash(string text) => $"(hashtext({text}) & 65535)";

    private static string InZone(string moment, ColumnInfo column) =>
        column.Type == "timestamptz" || column.Type.Contains("with time zone", StringComparison.Ordinal) ? moment : $"({moment} AT TIME ZONE 'UTC')";

    // An assignment would round: up to half a second into the future for timestamp(0), and the record would not be due.
    private static string Truncated(string moment, ColumnInfo column) => column.Length switch
    {
        null or 6 => moment,
        >= 3 => $"date_trunc('millisecond', {moment})",
        _ => $"date_trunc('second', {moment})",
    };

    public override string SecondsSince(string expression, ColumnInfo column) =>
        $"CASE WHEN {IsFinite(expression)} THEN EXTRACT(EPOCH FROM ({InZone(now, column)} - {expression}))::float8 END";

    protected virtual string IsFinite(string expression) => $"isfinite({expression})";

    public override string AsText(string expression) => $"{expression}::text";

    public override string NumberAt(string parameter, string index) => $"({parameter}::float8[])[{index}]";

    public override object Numbers(double[] values) => values;

    public override string CursorPart(int index, ColumnInfo column, string name = "cursor") => $"@{name}{index}::{column.Type}";

    public override void BindCursor(Statement statement, TaskKey key, string name = "cursor")
    {
        for (var i = 0; i < key.Count; i++) statement.With($"{name}{i}", key[i]);
    }

    // The database casts it to the column's type, as it does with what it wrote itself.
    public override string ParseKeyPart(string text, ColumnInfo column) => text;

    public override string? Encode(object? value, ColumnInfo column)
    {
        var culture = CultureInfo.InvariantCulture;
        return value switch
        {
            null => null,
            string text => Storable(text, column),
            bool flag => flag ? "true" : "false",
            Enum name => column.Kind is ColumnKind.Integer || column.Type is "numeric" or "double precision" or "real"
                ? name.ToString("D")
                : name.ToString(),
            double number => number.ToString("R", culture),
            float number => number.ToString("R", culture),
            sbyte or byte or short or ushort or int or uint or long or ulong or decimal => ((IFormattable)value).ToString(null, culture),
            char character => Storable(character.ToString(), column),
            Guid id => id.ToString("D"),
            DateTime { Kind: DateTimeKind.Unspecified } time => time.ToString("yyyy-MM-dd HH:mm:ss.FFFFFFF", culture),
            DateTime time => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss.FFFFFFF+00", culture),
            DateTimeOffset time => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss.FFFFFFF+00", culture),
            DateOnly date => date.ToString("yyyy-MM-dd", culture),
            TimeOnly time => time.ToString("HH:mm:ss.FFFFFFF", culture),
            TimeSpan span when column.Kind == ColumnKind.Text || column.Type.StartsWith("time ", StringComparison.Ordinal) => span.ToString("c", culture),
            TimeSpan span => string.Create(culture, $"{(decimal)span.Ticks / TimeSpan.TicksPerSecond} seconds"),
            byte[] bytes => "\\x" + System.Convert.ToHexString(bytes),
            Uri or Version or System.Net.IPAddress => value.ToString(),
            JsonElement json => json.GetRawText(),
            JsonDocument json => json.RootElement.GetRawText(),
            IEnumerable list => List(list, column),
            _ => throw new InvalidCastException(
                $"column '{column.Name}' cannot store a {value.GetType().Name}: set a number, text, bool, time, Guid, bytes or a list of these"),
        };
    }

    private static string Storable(string text, ColumnInfo column) => text.Contains('\0')
        ? throw new InvalidCastException($"column '{column.Name}': PostgreSQL stores no NUL character in a text; set bytes, or take it out")
        : WellFormed(text, column);

    private string List(IEnumerable list, ColumnInfo column)
    {
        var text = new StringBuilder("{");
        foreach (var item in list)
        {
            if (text.Length > 1) text.Append(',');
            var encoded = Encode(item, column);
            if (encoded is null) text.Append("NULL");
            else text.Append('"').Append(encoded.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }
        return text.Append('}').ToString();
    }

    public override string Display(string keyPart) => keyPart;

    protected override ErrorKind ClassifyError(Exception error)
    {
        // The driver prepares it anew: a column was given another type.
        if (error is PostgresException { SqlState: "0A000", Routine: "RevalidateCachedQuery" }) return ErrorKind.Retry;
        // After such an error the driver forgets what it has prepared and falls over that in the middle of the answer.
        if (error is NullReferenceException { Source: "Npgsql" }) return ErrorKind.Infrastructure;
        // Not the network: somebody has left a reader open on the connection.
        if (error is NpgsqlOperationInProgressException) return ErrorKind.Other;
        // A policy of the table refuses what this record would be.
        if (error is PostgresException { SqlState: "42501" } refused && IsPolicy(refused)) return ErrorKind.Data;
        if (error is not PostgresException { SqlState: var state })
            return IsOfTheWire(error) ? ErrorKind.Infrastructure : ErrorKind.Other;
        return state switch
        {
            "40001" or "40P01" => ErrorKind.Retry,
            "55P03" => ErrorKind.Locked,
            // Ambiguous result; time-out or cancel; read-only after a fail-over; the plan of a table that was just
            // altered.
            "40003" or "57014" or "25006" or "26000" or "0A000" => ErrorKind.Infrastructure,
            _ => state[..2] switch
            {
                "22" or "23" or "44" => ErrorKind.Data,
                "42" or "3F" => ErrorKind.Schema,
                // XX is the server's own trouble: with a full disk, say, it cannot even begin to serve. 28 and 3D are met where a connection is
                // made: who was let in before is so again, when the new password has come or the database is back.
                "08" or "28" or "3D" or "53" or "57" or "58" or "XX" => ErrorKind.Infrastructure,
                // The server's own: a fault of the statement, or of the server.
                "0B" or "0F" or "0L" or "0P" or "0Z" or "24" or "25" or "26" or "2B" or "2D" or "34" or "3B" or "40"
                    or "55" or "72" or "F0" or "HV" => ErrorKind.Other,
                // A function or a trigger of the user's may raise any code that it likes.
                _ => ErrorKind.Data,
            },
        };
    }

    public override bool IsAmbiguous(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.StatementCompletionUnknown };

    // CREATE … IF NOT EXISTS is not safe against itself: two at once may still collide in the catalog's unique indexes.
    public override bool IsAlreadyThere(Exception error) =>
        error is PostgresException { SqlState: "23505" or "42723" or "42P06" or "42P07" or "42710" or "42701" };

    public override string? MissingRight(Exception error, string statement, string connectionString) => error switch
    {
        PostgresException { SqlState: "42501" } policy when IsPolicy(policy) => Storage.MissingRight.OfPolicy,
        PostgresException { SqlState: "42501" } refused =>
            Storage.MissingRight.Remedy(refused.MessageText, statement, new NpgsqlConnectionStringBuilder(connectionString).Username ?? Environment.UserName),
        _ => null,
    };

    // By the place in the server, which has one name in all languages.
    private static bool IsPolicy(PostgresException error) => error.Routine == "ExecWithCheckOptions";

    public override string? CreateIndexBesideWriters => "CREATE INDEX CONCURRENTLY";

    public override string? LimitLocks => "SET LOCAL lock_timeout = '3s'";

    public override string? LeaveRoom(TableInfo table) => $"ALTER TABLE {Quote(table.Schema)}.{Quote(table.Name)} SET (fillfactor = {FillFactor(table)})";

    // RESERVE takes all records of a page within one statement or two, so that there must be room for a second version of each, which is longer by
    // the state. A page that is full of short records, of 40 bytes and 90, is then filled to a third.
    private static int FillFactor(TableInfo table)
    {
        var bytes = RowOverhead + table.Columns.Sum(WidthOf);
        return Math.Max(100 * bytes / (2 * bytes + StateBytes) / 5 * 5, LeastFill);
    }

    // Of what has no width of its own nobody knows how long it will be.
    private static int WidthOf(ColumnInfo column) => column.Type switch
    {
        "boolean" => 1,
        "smallint" => 2,
        "integer" or "real" or "date" => 4,
        "bigint" or "double precision" or "timestamp with time zone" or "timestamp without time zone" => 8,
        "uuid" => 16,
        _ => 32,
    };

    private const int RowOverhead = 28;
    private const int StateBytes = 48;
    private const int LeastFill = 30;

    public override string? Place => "ctid";

    public override string TypeOf(StateColumn column) => column switch
    {
        StateColumn.ReservationTimes or StateColumn.Generation => "integer",
        StateColumn.Success => "boolean",
        StateColumn.ReservationTime or StateColumn.StartTime or StateColumn.EndTime => "timestamptz",
        _ => "text",
    };
}
