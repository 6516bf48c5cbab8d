using Microsoft.Data.Sqlite;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>An hour of samples, as a leader would have taken them, so that charts show what they are for.</summary>
internal static class Course
{
    private const int Every = 20;

    public static async Task WriteAsync(string database)
    {
        await using var connection = new SqliteConnection($"Data Source={database};Pooling=False;Default Timeout=30");
        await connection.OpenAsync();
        await using var transaction = connection.BeginTransaction();
        var random = new Random(7);
        foreach (var (job, rate) in new[] { ("price_orders", 42.0), ("send_invoices", 9.0), ("shrink_images", 0.4), ("hostile", 0.05) })
        {
            // What ended is told since the beginning: the past lies below what is there already, and ends where that begins.
            var (completed, failed, attempts, busy) = (0.0, 0.0, 0.0, 0.0);
            var pending = 0.0;
            for (var at = 60; at < 3_600; at += Every)
            {
                var wave = 0.75 + 0.35 * Math.Sin(at / 420.0) + 0.12 * random.NextDouble();
                var ended = rate * wave * Every;
                completed -= ended;
                failed -= ended * (at is > 1_500 and < 1_900 ? 0.09 : 0.012);
                attempts -= ended;
                busy -= ended * (0.060 + 0.025 * Math.Sin(at / 300.0) + 0.006 * random.NextDouble());
                pending = Math.Max(rate * 4 * random.NextDouble(), pending + (at < 2_400 ? ended * 0.55 : -ended * 0.7));
                await using var insert = connection.CreateCommand();
                insert.CommandText = """
                    INSERT INTO pampa_sample (cluster, job, at, grain, pending, more, running, workers, completed, failed, attempts, busy)
                    VALUES ('pampa', $job, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', $ago), 600, $pending, 0, $running, $workers, $completed, $failed, $attempts, $busy)
                    ON CONFLICT DO NOTHING
                    """;
                insert.Parameters.AddWithValue("$job", job);
                insert.Parameters.AddWithValue("$ago", $"-{at} seconds");
                insert.Parameters.AddWithValue("$pending", (long)pending);
                insert.Parameters.AddWithValue("$running", (long)(3.6 * wave));
                insert.Parameters.AddWithValue("$workers", at > 2_400 ? 2 : 4);
                insert.Parameters.AddWithValue("$completed", (long)completed);
                insert.Parameters.AddWithValue("$failed", (long)failed);
                insert.Parameters.AddWithValue("$attempts", (long)attempts);
                insert.Parameters.AddWithValue("$busy", busy);
                await insert.ExecuteNonQueryAsync();
            }
        }
        await transaction.CommitAsync();
    }
}
