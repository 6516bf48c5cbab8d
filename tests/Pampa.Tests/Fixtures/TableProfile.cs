using System.Globalization;

namespace Pampa.Tests.Fixtures;

/// <summary>A table that the same tests run on, with its names and its keys.</summary>
internal sealed record TableProfile
{
    public required string Name { get; init; }

    /// <summary>As a program writes it.</summary>
    public required string Table { get; init; }

    public required string[] Key { get; init; }

    public required TaskColumns Columns { get; init; }

    public required string Flag { get; init; }

    public required string Note { get; init; }

    public required string Score { get; init; }

    public required string Generation { get; init; }

    public required string[] Create { get; init; }

    /// <summary>The key of the nth record as SQL literals; they sort as the numbers do.</summary>
    public required Func<int, string[]> KeyLiterals { get; init; }

    public string KeyIs(int number) =>
        string.Join(" AND ", Key.Zip(KeyLiterals(number), (column, literal) => $"{Quote(column)} = {literal}"));

    public string KeyList => string.Join(", ", Key.Select(Quote));

    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(object? value) => value switch
    {
        null => "NULL",
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        bool flag => flag ? "TRUE" : "FALSE",
        DateTime time => $"'{time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}'",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException(value.GetType().Name, nameof(value)),
    };

    /// <summary>The original's table, as its users have it, and a few columns more for conditions and results.</summary>
    public static TableProfile Numbers { get; } = new()
    {
        Name = "numbers",
        Table = "numbers",
        Key = ["value"],
        Columns = TaskColumns.WithPrefix("odd_checking"),
        Flag = "is_odd",
        Note = "note",
        Score = "score",
        Generation = "generation",
        Create =
        [
            """
            CREATE TABLE numbers (
                value                          bigint       PRIMARY KEY,
                odd_checking_reservation_id    varchar(500),
                odd_checking_reservation_time  timestamp,
                odd_checking_reservation_times int,
                odd_checking_start_time        timestamp,
                odd_checking_end_time          timestamp,
                is_odd                         boolean,
                odd_checking_success           boolean,
                odd_checking_error_description text,
                note                           text,
                score                          int,
                generation                     int
            )
            """,
        ],
        KeyLiterals = number => [number.ToString(CultureInfo.InvariantCulture)],
    };

    /// <summary>Names that break every statement that forgets to quote, and a key of two columns. Neighbours share the first.</summary>
    public static TableProfile Hostile(bool onSqlite) => new()
    {
        Name = "hostile",
        Table = onSqlite ? "\"Order\"" : "\"My Schema\".\"Order\"",
        Key = ["Région", "user"],
        Columns = new TaskColumns
        {
            ReservationId = "select",
            ReservationTime = "Reserved At",
            ReservationTimes = "n\"n",
            StartTime = "start;--",
            EndTime = "END",
            Success = "o'k",
            ErrorDescription = "error @max",
        },
        Flag = "is odd?",
        Note = "order",
        Score = "SCORE",
        Generation = "$1",
        Create =
        [
            .. onSqlite ? Array.Empty<string>() : ["CREATE SCHEMA \"My Schema\""],
            $"""
            CREATE TABLE {(onSqlite ? "\"Order\"" : "\"My Schema\".\"Order\"")} (
                "Région"      text NOT NULL,
                "user"        uuid NOT NULL,
                "select"      text,
                "Reserved At" timestamptz,
                "n""n"        bigint,
                "start;--"    timestamptz,
                "END"         timestamptz,
                "o'k"         boolean,
                "error @max"  varchar(80),
                "is odd?"     boolean,
                "order"       text,
                "SCORE"       bigint,
                "$1"          bigint,
                PRIMARY KEY ("Région", "user")
            )
            """,
        ],
        KeyLiterals = number =>
        [
            Literal($"R'é\"\\ \n{number / 3:D4}"),
            $"'00000000-0000-0000-0000-{number.ToString("D12", CultureInfo.InvariantCulture)}'",
        ],
    };
}
