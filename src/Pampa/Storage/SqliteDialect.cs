using System.Collections;
using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Pampa.Jobs;
using Pampa.Storage.Examination;

namespace Pampa.Storage;

/// <summary>
/// SQLite: one file, one computer, several processes. Times are fixed-width UTC text, compared after normalising; rows
/// travel as one JSON text that keeps the storage class of keys and values.
/// </summary>
internal sealed partial class SqliteDialect(SqlClock? clock = null) : Dialect
{
    private const string Format = "'%Y-%m-%dT%H:%M:%fZ'";
    private const int SpreadCharacters = 10;
    private const int SpreadFactor = 617;
    private const int SpreadModulus = 9_973;
    private readonly string now = (clock ?? new SqlClock("'now'", "'now'")).Now;
    private readonly string wall = (clock ?? new SqlClock("'now'", "'now'")).Wall;

    public override string Name => "SQLite";

    public override bool ReservesInOneStatement => false;

    public override bool HasSingleWriter => true;

    public override string SkipLocked => "";

    public override bool KeysMayBeNull => true;

    public override string Now => $"strftime({Format}, {now})";

    public override string MomentType => "text";

    public override DbDataSource Open(string connectionString, string applicationName, int maxConnections, bool keeps = false) =>
        new SqliteDataSource(connectionString);

    // The provider's usual one takes the write lock, which whoever works would have to wait for.
    public override ValueTask<DbTransaction> BeginLookAsync(DbConnection connection, CancellationToken stopping) =>
        connection is SqliteConnection sqlite ? new(sqlite.BeginTransaction(deferred: true)) : base.BeginLookAsync(connection, stopping);

    public override Examiner Examiner => new SqliteExaminer();

    /// <summary>
    /// The one lock is the whole file's: it is taken at the handler's first write and not before, so that a handler which only
    /// computes holds up nobody. The price: where others write between its first read and its first write, it can write no
    /// more and has to be run again. Alone, it has the lock from the beginning, and that cannot happen.
    /// </summary>
    public override ValueTask<DbTransaction> BeginAsync(DbConnection connection, bool isAlone, CancellationToken stopping)
    {
        // What is worth waiting for SQLite waits for by itself. The driver would go on for half a minute with what can never succeed.
        if (connection is SqliteConnection own) own.DefaultTimeout = -1;
        // In the driver's words: deferred, and immediate.
        return connection.BeginTransactionAsync(isAlone ? IsolationLevel.Serializable : IsolationLevel.ReadUncommitted, stopping);
    }

    // The driver does not see a COMMIT or ROLLBACK that is run as a statement.
    public override bool IsOpen(DbTransaction transaction) => base.IsOpen(transaction)
        && (transaction is not SqliteTransaction { Connection.Handle: var handle } || SQLitePCL.raw.sqlite3_get_autocommit(handle) == 0);

    public override bool KnowsNoTypes => true;

    // It is so by itself, and an index may not say it.
    public override string NullsFirst => "";

    public override string? Misuse(Exception error) =>
        error is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_INTERRUPT } ? TookTooLong : base.Misuse(error);

    // The driver heeds neither a token nor a time limit once a statement runs.
    public override void Interrupt(DbConnection connection)
    {
        if (connection is SqliteConnection { Handle: { } handle }) SQLitePCL.raw.sqlite3_interrupt(handle);
    }

    public override string NowPlus(string seconds) => $"strftime({Format}, {now}, printf('%.3f seconds', {seconds}))";

    public override string NowFor(ColumnInfo column) => Now;

    public override string ClockFor(ColumnInfo column) => $"strftime({Format}, {wall})";

    public override string NowPlusFor(ColumnInfo column, string seconds) => NowPlus(seconds);

    public override string MomentFor(ColumnInfo column, string text) => $"strftime({Format}, {text})";

    // A text that is no time at all counts as past: such a record must not wait for ever.
    public override string IsPast(string expression, ColumnInfo column) =>
        $"COALESCE(strftime({Format}, {expression}) <= {Now}, TRUE)";

    public override string IsPastBy(string expression, ColumnInfo column, string seconds) =>
        $"COALESCE(strftime({Format}, {expression}, printf('%.3f seconds', {seconds})) <= {Now}, FALSE)";

    // As text, which is how it is written here; a blank in the place of the T sorts before it.
    public override string MayBePastBy(string expression, ColumnInfo column, string seconds) =>
        $"{expression} <= {NowPlus($"-({seconds})")}";

    // There is no hash: the last characters, each with a weight of its own. Names may begin and end alike, hence so many.
    public override string Spread(IReadOnlyList<string> expressions)
    {
        var weight = 1L;
        var terms = expressions.SelectMany(e => Enumerable.Range(1, SpreadCharacters), (e, i) =>
        {
            weight = weight * SpreadFactor % SpreadModulus;
            return $"COALESCE(unicode(substr({e}, -{i}, 1)), 0) * {weight.ToString(CultureInfo.InvariantCulture)}";
        });
        return $"(({string.Join(" + ", terms)}) % {SpreadModulus} / {SpreadModulus}.0)";
    }

    public override string SecondsSince(string expression, ColumnInfo column) =>
        $"(julianday({Now}) - julianday({expression})) * 86400.0";

    public override string AsText(string expression) => expression;

    // A path with a negative index is an error, and one such record would stop the statement for all.
    public override string NumberAt(string parameter, string index) =>
        $"CASE WHEN {index} > 0 THEN json_extract({parameter}, '$[' || ({index} - 1) || ']') END";

    public override object Numbers(double[] values) =>
        $"[{string.Join(',', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)))}]";

    public override string Rows(RowSource source)
    {
        var cells = source.Columns.Select((column, i) => $"{Cell(column, i)} AS {column.Name}");
        return $"SELECT {string.Join(", ", cells)} FROM json_each(@{source.Name})";
    }

    private static string Cell(RowColumn column, int index) => column.Kind switch
    {
        CellKind.Integer => $"CAST(value ->> {index} AS INTEGER)",
        CellKind.Number => $"CAST(value ->> {index} AS REAL)",
        // JSON has no bytes: they travel as {"b": hex}. Only columns that may hold bytes pay for the look.
        CellKind.Value when MayHoldBytes(column.Column!) =>
            $"CASE json_type(value, '$[{index}]') WHEN 'object' THEN unhex(value ->> '$[{index}].b') ELSE value ->> {index} END",
        _ => $"value ->> {index}",
    };

    private static bool MayHoldBytes(ColumnInfo column) => column.Kind == ColumnKind.Other;

    private const int LongestSpare = 1 << 20;

    [ThreadStatic]
    private static StringBuilder? spare;

    public override void Bind(Statement statement, RowSource source, IReadOnlyList<string?[]> rows)
    {
        // Some hundred rows are so long a text that to make its builder anew each time would cost as much as to write it.
        var json = (spare ?? new StringBuilder()).Clear().Append('[');
        for (var r = 0; r < rows.Count; r++)
        {
            json.Append(r == 0 ? "[" : ",[");
            for (var c = 0; c < source.Columns.Count; c++)
            {
                if (c > 0) json.Append(',');
                var cell = rows[r][c];
                if (cell is null) json.Append("null");
                else if (source.Columns[c].Kind is CellKind.Text or CellKind.Time) Quoted(json, cell);
                else json.Append(cell);
            }
            json.Append(']');
        }
        statement.With(source.Name, json.Append(']').ToString());
        spare = json.Capacity <= LongestSpare ? json : null;
    }

    public override string CursorPart(int index, ColumnInfo column, string name = "cursor") => MayHoldBytes(column)
        ? $"CASE json_type(@{name}, '$[{index}]') WHEN 'object' THEN unhex(@{name} ->> '$[{index}].b') ELSE @{name} ->> {index} END"
        : $"@{name} ->> {index}";

    public override void BindCursor(Statement statement, TaskKey key, string name = "cursor") =>
        statement.With(name, $"[{string.Join(',', key.Parts())}]");

    // What stands in JSON as it is.
    private static readonly System.Buffers.SearchValues<char> Plain = System.Buffers.SearchValues.Create(
        string.Concat(Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c).Where(c => c is not ('"' or '\\'))));

    private static void Quoted(StringBuilder json, string text)
    {
        json.Append('"');
        if (text.AsSpan().ContainsAnyExcept(Plain)) json.Append(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).Value);
        else json.Append(text);
        json.Append('"');
    }

    private static string Quoted(string text)
    {
        var json = new StringBuilder(text.Length + 2);
        Quoted(json, text);
        return json.ToString();
    }

    public override string ReadKeyPart(DbDataReader reader, int ordinal, ColumnInfo column) => Literal(reader.GetValue(ordinal));

    private static readonly System.Buffers.SearchValues<char> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");

    // By the column's own rule of which texts are numbers; bytes as they are shown.
    public override string ParseKeyPart(string text, ColumnInfo column)
    {
        if (column.Kind != ColumnKind.Text && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return number.ToString(CultureInfo.InvariantCulture);
        if (MayHoldBytes(column) && text.StartsWith("0x", StringComparison.Ordinal) && text.Length % 2 == 0 && text.AsSpan(2).IndexOfAnyExcept(HexDigits) < 0)
            return Literal(Convert.FromHexString(text.AsSpan(2)));
        return Quoted(text);
    }

    public override string KeyOutput(string expression, ColumnInfo column) => expression;

    private static string Literal(object value) => value switch
    {
        string text => Quoted(text),
        double number when double.IsInfinity(number) => number > 0 ? "9e999" : "-9e999",
        double number => Real(number),
        DBNull => "null",
        byte[] bytes => $"{{\"b\":\"{System.Convert.ToHexString(bytes)}\"}}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new InvalidCastException($"SQLite gave a {value.GetType().Name} for a key"),
    };

    private static string Real(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0";
    }

    public override string? Encode(object? value, ColumnInfo column) => value switch
    {
        null => null,
        bool flag => flag ? "1" : "0",
        Enum name when column.Kind == ColumnKind.Text => Quoted(name.ToString()),
        Enum number => number.ToString("D"),
        double.NaN or float.NaN => null,
        float number => Literal((double)number),
        double or byte[] => column.Kind == ColumnKind.Text && value is byte[]? throw new InvalidCastException("a text column does not take bytes: declare it blob")
            : Literal(value),
        sbyte or byte or short or ushort or int or uint or long => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        ulong number => checked((long)number).ToString(CultureInfo.InvariantCulture),
        // As text: the column's affinity makes a number of it where nothing is lost by that.
        decimal number => Quoted(number.ToString(CultureInfo.InvariantCulture)),
        string text => Quoted(WellFormed(text, column)),
        char character => Quoted(WellFormed(character.ToString(), column)),
        Guid id => Quoted(id.ToString("D").ToUpperInvariant()),
        DateTime time => Quoted((time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : time)
            .ToString("yyyy-MM-dd HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
        DateTimeOffset time => Quoted(time.ToString("yyyy-MM-dd HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture)),
        DateOnly date => Quoted(date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        TimeOnly time => Quoted(time.ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
        TimeSpan span => Quoted(span.ToString("c", CultureInfo.InvariantCulture)),
        Uri or Version or System.Net.IPAddress => Quoted(value.ToString()!),
        JsonElement json => Quoted(json.GetRawText()),
        IEnumerable => throw new InvalidCastException(
            $"column '{column.Name}': SQLite has no lists, got a {value.GetType().Name}: store a text (JSON) or bytes"),
        _ => throw new InvalidCastException(
            $"column '{column.Name}' cannot store a {value.GetType().Name}: set a number, text, bool, time, Guid or bytes"),
    };

    public override string Display(string keyPart)
    {
        if (keyPart.StartsWith('"')) return JsonDocument.Parse(keyPart).RootElement.GetString()!;
        return keyPart.StartsWith('{') ? $"0x{keyPart[6..^2]}" : keyPart;
    }

    protected override ErrorKind ClassifyError(Exception error) => error switch
    {
        SqliteException { SqliteErrorCode: 5 or 6 } => ErrorKind.Locked,
        SqliteException { SqliteErrorCode: 18 or 19 or 20 } => ErrorKind.Data,
        SqliteException { SqliteErrorCode: 8 or 10 or 13 or 14 } => ErrorKind.Infrastructure,
        // A trigger's RAISE is a constraint error (19); this is a name or a text that the database does not understand.
        SqliteException { SqliteErrorCode: 1 } => ErrorKind.Schema,
        TimeoutException or IOException => ErrorKind.Infrastructure,
        _ => ErrorKind.Other,
    };

    public override bool IsAlreadyThere(Exception error) => error is SqliteException e
        && (e.Message.Contains("already exists", StringComparison.Ordinal)
            || e.Message.Contains("duplicate column name", StringComparison.Ordinal));

    public override string ConnectionRemedy => "Check that the folder exists and may be written to, and that the file is a SQLite database.";

    public override string Describe(string connectionString) =>
        $"SQLite, file {new SqliteConnectionStringBuilder(connectionString).DataSource}";

    protected override string AllTables => "SELECT schema || '.' || name AS id, name FROM pragma_table_list WHERE type = 'table'";

    public override async Task<TableInfo?> ReadTableAsync(IReader database, TableName name, CancellationToken stopping)
    {
        var schema = name.Schema ?? "main";
        var names = await database.QueryAsync(
            new Statement("SELECT name FROM pragma_table_list WHERE schema = @schema AND name = @name COLLATE NOCASE AND type = 'table'")
                .With("schema", schema).With("name", name.Name),
            reader => reader.GetString(0), stopping);
        var exact = names.Find(n => n == name.Name) ?? (name.IsQuoted || names.Count != 1 ? null : names[0]);
        if (exact is null) return null;
        var columns = await database.QueryAsync(
            new Statement("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(@name, @schema)")
                .With("name", exact).With("schema", schema),
            reader => (Name: reader.GetString(0), Type: reader.GetString(1), NotNull: reader.GetBoolean(2),
                Key: reader.GetInt32(3), Hidden: reader.GetInt32(4)), stopping);
        var unique = await database.QueryAsync(
            new Statement("""
                SELECT l.name, i.name FROM pragma_index_list(@name, @schema) AS l, pragma_index_info(l.name, @schema) AS i
                WHERE l."unique" AND NOT l.partial ORDER BY l.name, i.seqno
                """).With("name", exact).With("schema", schema),
            reader => (Index: reader.GetString(0), Column: reader.IsDBNull(1) ? null : reader.GetString(1)), stopping);
        var keys = unique.GroupBy(u => u.Index).Where(g => g.All(u => u.Column is not null))
            .Select(g => (IReadOnlyList<string>)[.. g.Select(u => u.Column!)]).ToList();
        if (columns.Any(c => c.Key > 0)) keys.Add([.. columns.Where(c => c.Key > 0).Select(c => c.Name)]);
        return new TableInfo(schema, exact, [.. columns.Select(c => new ColumnInfo(
            c.Name, c.Type, Kind(c.Type), IsNullable: !c.NotNull && c.Key == 0, IsGenerated: c.Hidden is 2 or 3))], keys);
    }

    public override async Task<string?> WhyNoTableAsync(IReader database, TableName name, CancellationToken stopping) =>
        (await database.QueryAsync(
            new Statement("SELECT schema, name, type FROM pragma_table_list WHERE name = @name COLLATE NOCASE AND (@schema IS NULL OR schema = @schema COLLATE NOCASE) ORDER BY type = 'table', schema, name")
                .With("name", name.Name).With("schema", name.Schema),
            row => row.GetString(2) switch
            {
                "view" => View,
                "table" => $"is not found under this name. There is {Quote(row.GetString(0))}.{Quote(row.GetString(1))}: write it like that",
                var kind => $"is a {kind} table: an extension keeps its records, and what it makes of an update is not known. Use an ordinary table, and let the handler look up what is in this one",
            }, stopping)).FirstOrDefault();

    // SQLite's own rules of affinity, from the declared type; see its documentation, "Determination Of Column
    // Affinity".
    private static ColumnKind Kind(string type)
    {
        bool Has(string part) => type.Contains(part, StringComparison.OrdinalIgnoreCase);
        if (Has("INT")) return ColumnKind.Integer;
        if (Has("CHAR") || Has("CLOB") || Has("TEXT")) return ColumnKind.Text;
        if (Has("BOOL")) return ColumnKind.Boolean;
        return Has("TIME") || Has("DATE") ? ColumnKind.Time : ColumnKind.Other;
    }

    public override async Task<bool> HasIndexAsync(IReader database, string schema, string name, CancellationToken stopping) =>
        (await database.QueryAsync(
            new Statement($"SELECT 1 FROM {Quote(schema)}.sqlite_schema WHERE type = 'index' AND name = @name").With("name", name),
            _ => true, stopping)).Count > 0;

    public override async Task<List<string?>> ReadOrdersAsync(IReader database, TableInfo table, string column, CancellationToken stopping)
    {
        var definitions = await database.QueryAsync(
            new Statement($"""
                SELECT s.sql FROM pragma_index_list(@name, @schema) AS l JOIN pragma_index_xinfo(l.name, @schema) AS i ON i.seqno = 0 AND i.name = @column
                JOIN {Quote(table.Schema)}.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name
                """).With("name", table.Name).With("schema", table.Schema).With("column", column),
            row => row.IsDBNull(0) ? "" : row.GetString(0), stopping);
        return definitions.ConvertAll(IndexText.ConditionOf);
    }

    public override string TypeOf(StateColumn column) => column switch
    {
        StateColumn.ReservationTimes or StateColumn.Generation => "integer",
        StateColumn.Success => "boolean",
        StateColumn.ReservationTime or StateColumn.StartTime or StateColumn.EndTime => "timestamp",
        _ => "text",
    };
}
