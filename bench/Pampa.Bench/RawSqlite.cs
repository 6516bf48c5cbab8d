using Microsoft.Data.Sqlite;

namespace Pampa.Bench;

internal sealed class RawSqlite(Workload workload, string file) : RawLimit(workload)
{
    private const string Now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    private const string ByKey = "WHERE value IN (SELECT value FROM json_each(@keys))";

    private const string Start =
        $"UPDATE {Table} SET {Prefix}_reservation_id = 'local.1', {Prefix}_reservation_time = {Now}, "
        + $"{Prefix}_start_time = {Now}, {Prefix}_reservation_times = 1 {ByKey}";

    private const string Completion =
        $"UPDATE {Table} SET {Prefix}_end_time = {Now}, {Prefix}_success = TRUE, {Prefix}_error_description = NULL";

    private const string FinishWithResult =
        $"{Completion}, is_odd = v.value ->> 1 FROM json_each(@keys) AS v WHERE {Table}.value = v.value ->> 0";

    protected override async Task ShareAsync(IEnumerable<long[]> batches)
    {
        await using var connection = new SqliteConnection($"Data Source={file}");
        await connection.OpenAsync();
        // As the product sets its connections up.
        await using (var setup = Command(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"))
            await setup.ExecuteNonQueryAsync();
        await using var start = Command(connection, Start);
        await using var finish = Command(
            connection, Workload.WritesResult ? FinishWithResult : $"{Completion} {ByKey}");
        foreach (var batch in batches)
        {
            var keys = $"[{string.Join(',', batch)}]";
            await RunAsync(start, keys);
            await RunAsync(finish, Workload.WritesResult
                ? $"[{string.Join(',', batch.Select(value => value % 2 != 0 ? $"[{value},1]" : $"[{value},0]"))}]"
                : keys);
        }
    }

    private static SqliteCommand Command(SqliteConnection connection, string text)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        return command;
    }

    // The statement stays prepared from one batch to the next.
    private static Task<int> RunAsync(SqliteCommand command, string keys)
    {
        if (command.Parameters.Count == 0) command.Parameters.Add("@keys", SqliteType.Text);
        command.Parameters[0].Value = keys;
        return command.ExecuteNonQueryAsync();
    }
}
