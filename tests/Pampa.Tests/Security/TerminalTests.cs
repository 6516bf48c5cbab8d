using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Pampa.Commands;

namespace Pampa.Tests.Security;

/// <summary>
/// T5: nothing that stands in the database is obeyed by a terminal, or makes a line of a log more than one line, whichever verb shows it.
/// </summary>
[Trait("suite", "security")]
public sealed class TerminalTests : IDisposable
{
    // Sets the title of a window, begins a line, turns round what follows, moves the cursor in eight bits.
    private const string Hostile = "\e]0;pwn\a\r\nx\u202Ey\u009B1A\u200Ez\u2028w";
    private const string Spelled = @"\u001B]0;pwn\u0007\u000D\u000Ax\u202Ey\u009B1A\u200Ez\u2028w";

    private readonly string folder = Directory.CreateTempSubdirectory("pampa-terminal-").FullName;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private string Database => Path.Combine(folder, "test.db");

    private string Log => Path.Combine(folder, "run.log");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS notes (name text PRIMARY KEY, body text)");
        pampa.AddJob("notes", "notes", "name", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                task.Log.LogWarning("about {Body}", task.Get<string>("body"));
                throw new InvalidOperationException(task.Get<string>("body"));
            });
        });
        pampa.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(_ => $"DELETE FROM notes WHERE name = 'none'"));
    }

    private async Task<(int Code, string Said, string Errors)> RunAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunAsync([.. args, "--db", Database], Program, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Database};Pooling=false");
        await connection.OpenAsync(Stopping);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$hostile", Hostile);
        await command.ExecuteNonQueryAsync(Stopping);
    }

    /// <summary>A record, its failure, what was done to others, and what nobody but an enemy has written: a node, a worker, a pause, a schedule.</summary>
    private async Task PrepareAsync()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        await ExecuteAsync("INSERT INTO notes (name, body) VALUES ($hostile, $hostile)");
        Assert.Equal(1, (await RunAsync("run", "--drain", "--workers", "1", "--plain", "--log", Log)).Code);
        await ExecuteAsync("INSERT INTO notes (name, body) VALUES ('other', $hostile), ('third' || $hostile, $hostile)");
        Assert.Equal(0, (await RunAsync("cancel", "notes", "other", "--reason", Hostile)).Code);
        await ExecuteAsync("""
            INSERT INTO pampa_worker (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
            VALUES ('pampa', $hostile, $hostile, 1, $hostile, $hostile, 'ready', strftime('%Y-%m-%dT%H:%M:%fZ'), '2099-01-01T00:00:00.000Z');
            INSERT INTO pampa_hold (cluster, kind, name, reason, held_at) VALUES ('pampa', 'node', $hostile, $hostile, strftime('%Y-%m-%dT%H:%M:%fZ'));
            INSERT INTO pampa_stretch (cluster, job, workers, wanted, reason, decided_at) VALUES ('pampa', $hostile, 1, 1, $hostile, strftime('%Y-%m-%dT%H:%M:%fZ'))
              ON CONFLICT (cluster, job) DO UPDATE SET reason = excluded.reason;
            INSERT INTO pampa_schedule (cluster, name, expression, zone, definition, revision, program, term, last_tick, missed, failures, error, updated_at)
            VALUES ('pampa', $hostile, '0 3 * * *', 'UTC', $hostile, 1, $hostile, 0, strftime('%Y-%m-%dT%H:%M:%fZ'), 0, 1, $hostile, strftime('%Y-%m-%dT%H:%M:%fZ'));
            """);
    }

    private static void AssertHarmless(string text, string what)
    {
        var at = text.ToList().FindIndex(c => (char.IsControl(c) && c is not ('\n' or '\t')) || "\u2028\u2029\u202E\u200E\u200F\u061C".Contains(c, StringComparison.Ordinal));
        Assert.True(at < 0, at < 0 ? "" : $"{what}: U+{(int)text[at]:X4} in …{text[Math.Max(0, at - 40)..at]}");
    }

    [Fact]
    public async Task No_verb_lets_anything_of_the_data_get_to_the_terminal_as_it_is()
    {
        await PrepareAsync();
        foreach (var verb in (string[][])
        [
            ["status"], ["status", "--workers"], ["status", "notes"], ["top", "--once"], ["top", "--node", Hostile], ["top", "--node", $"none{Hostile}"], ["tasks", "notes", "--columns", "body"], ["tasks", "notes", "--limit", "1"], ["errors", "notes"],
            ["audit"], ["explain", "notes", Hostile], ["explain", "notes", $"none{Hostile}"], ["preview", "notes"], ["doctor"], ["schedules"],
            ["retry", "notes", "--where", $"body = {Hostile}", "--dry-run"], ["cancel", "notes", "--where", $"{Hostile} = 1", "--dry-run"], ["run-now", "notes", Hostile], ["run-now", "notes", "--where", $"{Hostile} = 1", "--dry-run"], ["tasks", Hostile],
            ["pause", "node", "web1", "--reason", Hostile], ["pause", "worker", Hostile], ["resume", "node", Hostile], ["schedules", "pause", Hostile], ["schedules", "resume", Hostile], ["tasks", "notes", "--state", Hostile], [Hostile], ["--db", Hostile],
        ])
        {
            var (_, said, errors) = await RunAsync(verb);
            AssertHarmless(said, string.Join(' ', verb));
            AssertHarmless(errors, string.Join(' ', verb));
        }
        // What is spelled is still told.
        foreach (var verb in (string[][])[["tasks", "notes", "--columns", "body"], ["errors", "notes"], ["audit"], ["explain", "notes", Hostile], ["status"]])
            Assert.Contains(Spelled, (await RunAsync(verb)).Said, StringComparison.Ordinal);
        // And a line of the log is one line, whatever it tells.
        var lines = await File.ReadAllLinesAsync(Log, Stopping);
        Assert.All(lines, line => Assert.Matches(@"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} ", line));
        Assert.All(lines, line => AssertHarmless(line, "log"));
        Assert.Contains(lines, line => line.Contains(@"\u001B]0;pwn\u0007", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Json_encodes_it_and_gives_it_back()
    {
        await PrepareAsync();
        string[][] telling =
        [
            ["status"], ["audit"], ["tasks", "notes", "--columns", "body"], ["errors", "notes"], ["explain", "notes", Hostile], ["preview", "notes"], ["schedules"],
            ["schedules", "pause", Hostile, "--reason", Hostile], ["schedules", "resume", Hostile],
            ["pause", "node", Hostile, "--reason", Hostile], ["resume", "node", Hostile], ["drain", "node", Hostile], ["detach", "worker", Hostile], ["attach", "worker", Hostile],
        ];
        // Of these nothing that is told is the data's, or not always.
        string[][] silent =
        [
            ["top"], ["doctor"], ["schedules", "run", "nightly"], ["pause", "job", "notes"], ["resume", "job", "notes"],
            ["retry", "notes", "--where", $"body = {Hostile}", "--dry-run"], ["skip", "notes", $"third{Hostile}"],
            ["cancel", "notes", "--where", $"body = {Hostile}", "--yes", "--reason", Hostile], ["relaunch", "notes", "--error", Hostile, "--yes", "--reason", Hostile],
            ["run-now", "notes", "--where", $"body = {Hostile}", "--yes", "--reason", Hostile],
        ];
        foreach (var verb in telling.Concat(silent))
        {
            var what = string.Join(' ', verb);
            var (_, said, errors) = await RunAsync([.. verb, "--json"]);
            AssertHarmless(said, what);
            AssertHarmless(errors, what);
            Assert.True(said.Length > 0, $"{what}: {errors}");
            using var json = JsonDocument.Parse(said);
            Assert.True(silent.Contains(verb) || Texts(json.RootElement).Any(t => t.Contains(Hostile, StringComparison.Ordinal)), what);
        }
    }

    private static IEnumerable<string> Texts(JsonElement of) => of.ValueKind switch
    {
        JsonValueKind.String => [of.GetString()!],
        JsonValueKind.Array => of.EnumerateArray().SelectMany(Texts),
        JsonValueKind.Object => of.EnumerateObject().SelectMany(p => Texts(p.Value)),
        _ => [],
    };

    [Fact]
    public void A_name_in_the_table_of_counts_is_spelled()
    {
        var report = new Report(Hostile, 1, 0, 0, 0, 0, 0);
        Assert.All(StatusTable.Draw([report], 400)!, line => AssertHarmless(line, "table"));
    }
}
