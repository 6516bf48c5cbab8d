using Npgsql;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

public sealed class SqliteExplainTests : ExplainTests
{
    private protected override Engine Engine => Engine.Sqlite;

    private protected override TableProfile Profile { get; } = TableProfile.Hostile(onSqlite: true);
}

public sealed class PostgreSqlExplainTests : ExplainTests
{
    private protected override Engine Engine => Engine.PostgreSql;

    private protected override TableProfile Profile => TableProfile.Numbers;

    [Fact]
    public async Task A_record_that_another_session_has_locked_says_whose_it_is()
    {
        await InsertAsync(1);
        Assert.True(Is(await ExplainAsync(1), "not locked"));
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { ApplicationName = "bookkeeping", Pooling = false });
        await using var connection = await source.OpenConnectionAsync(Stopping);
        await using var transaction = await connection.BeginTransactionAsync(Stopping);
        await using var locking = new NpgsqlCommand("SELECT 1 FROM numbers WHERE value = 1 FOR UPDATE", connection, transaction);
        await locking.ExecuteScalarAsync(Stopping);
        var locked = await ExplainAsync(1);
        Assert.False(Is(locked, "not locked"));
        Assert.False(locked.WillRun);
        Assert.StartsWith($"It is due, but session {connection.ProcessID} of 'bookkeeping' (idle in transaction), whose transaction is open for ", locked.Verdict, StringComparison.Ordinal);
        await transaction.RollbackAsync(Stopping);
        Assert.True((await ExplainAsync(1)).WillRun);
    }

    [Fact]
    public async Task Without_the_right_to_lock_the_rest_is_told()
    {
        await InsertAsync(1);
        var user = $"u{Guid.NewGuid():N}";
        await Db.ExecuteAsync($"CREATE ROLE {user} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}");
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(Db.Source.ConnectionString) { Username = user };
            var dialect = Db.Database.Dialect;
            await using var database = new Database(dialect.Open(settings.ConnectionString, "pampa-test", 2), dialect, TimeProvider.System, new Random(1));
            var explanation = (await Of(new TaskStore(database, (await JobAsync()).Table, Cluster, new Random(1))).ExplainAsync("job", "1", Stopping))!;
            Assert.Null(Is(explanation, "not locked"));
            Assert.Equal("It is due, and the next one to be reserved.", explanation.Verdict);
        }
        finally
        {
            await Db.ExecuteAsync($"DROP OWNED BY {user} CASCADE; DROP ROLE {user}");
        }
    }

    [Fact]
    public async Task A_lock_that_several_share_is_told_without_a_name()
    {
        await InsertAsync(1);
        await using var first = (NpgsqlConnection)await Db.Source.OpenConnectionAsync(Stopping);
        await using var second = (NpgsqlConnection)await Db.Source.OpenConnectionAsync(Stopping);
        await using var one = await first.BeginTransactionAsync(Stopping);
        await using var two = await second.BeginTransactionAsync(Stopping);
        foreach (var connection in (NpgsqlConnection[])[first, second])
        {
            await using var share = new NpgsqlCommand("SELECT 1 FROM numbers WHERE value = 1 FOR SHARE", connection);
            await share.ExecuteScalarAsync(Stopping);
        }
        Assert.Contains("a session that cannot be told has locked it", (await ExplainAsync(1)).Verdict, StringComparison.Ordinal);
    }
}

public sealed class PortableExplainTests : ExplainTests
{
    private protected override Engine Engine => Engine.Portable;

    private protected override TableProfile Profile { get; } = TableProfile.Hostile(onSqlite: false);
}

/// <summary>Every state and every reason of <c>explain</c>, and what <c>preview</c> promises.</summary>
public abstract class ExplainTests : Examined
{
    private static string Plain(string literal) => literal.StartsWith('\'') ? literal[1..^1].Replace("''", "'", StringComparison.Ordinal) : literal;

    private string Key(int number) => Profile.Key.Length == 1 ? Plain(Profile.KeyLiterals(number)[0]) : KeyText.Join(Profile.KeyLiterals(number).Select(Plain));

    private async Task<PampaCluster> ClusterAsync(Action<JobBuilder>? configure) => Of(await JobAsync(configure));

    private protected static PampaCluster Of(TaskStore store)
    {
        var access = new ClusterAccess();
        var tables = ClusterTables.Of(store.Database, Cluster);
        access.Set(new ClusterParts(store.Database, tables, [store], [], null!, (_, _) => Task.CompletedTask, _ => Task.CompletedTask) { Scheduler = null! });
        return new PampaCluster(access);
    }

    private protected async Task<TaskExplanation> ExplainAsync(int number, Action<JobBuilder>? configure = null) =>
        (await (await ClusterAsync(configure)).ExplainAsync("job", Key(number), Stopping))!;

    private protected static bool? Is(TaskExplanation explanation, string condition) => Assert.Single(explanation.Conditions, c => c.Name == condition).Holds;

    private static string Detail(TaskExplanation explanation, string condition) => Assert.Single(explanation.Conditions, c => c.Name == condition).Detail;

    private static string[] Missing(TaskExplanation explanation) => [.. explanation.Conditions.Where(c => c.Holds == false).Select(c => c.Name)];

    [Fact]
    public async Task Whoever_looks_sees_the_limits_that_are_obeyed()
    {
        await Tables.Cluster.PublishAsync(Definition(job => job.MaxAttempts = 7), "another version", Stopping);
        var store = await JobAsync();
        Assert.Equal(3, store.Job.MaxAttempts);
        await InfoAsync(store);
        Assert.Equal(7, store.Job.MaxAttempts);
    }

    [Fact]
    public async Task A_due_record_says_how_many_come_first()
    {
        await InsertAsync(1);
        await InsertAsync(2);
        await InsertAsync(4, rt: Now.AddHours(1));
        await InsertAsync(5, rt: Now.AddMinutes(-1));
        var first = await ExplainAsync(1);
        Assert.Equal((TaskState.Pending, true, 0), (first.Task.State, first.WillRun, first.Before));
        Assert.Equal("It is due, and the next one to be reserved.", first.Verdict);
        Assert.Equal(Key(1), first.Task.Key);
        Assert.Equal("It is due, and one record comes first.", (await ExplainAsync(2)).Verdict);
        var last = await ExplainAsync(5);
        Assert.Equal("It is due, and 2 records come first.", last.Verdict);
        Assert.Equal("since 00:01:00", Detail(last, "due"));
    }

    [Fact]
    public async Task A_scheduled_record_says_when_it_is_due_and_why()
    {
        await InsertAsync(1, rt: Now.AddMinutes(90));
        var scheduled = await ExplainAsync(1);
        Assert.Equal(TaskState.Scheduled, scheduled.Task.State);
        Assert.Equal("It is due in 01:30:00: it was put off, or inserted for later.", scheduled.Verdict);
        Assert.Equal(90, scheduled.NextIn!.Value.TotalMinutes, 0.01);
        Assert.Equal(["due"], Missing(scheduled));
        await InsertAsync(2, rt: Now.AddMinutes(1), n: 2, ok: false);
        await ErrorAsync(2, "no wind.");
        Assert.Equal("It is due in 00:01:00: the next attempt after 2 of 3 has to wait that long, because of: no wind.", (await ExplainAsync(2)).Verdict);
    }

    private Task ErrorAsync(int number, string text) =>
        Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Columns.ErrorDescription)} = '{text}' WHERE {Profile.KeyIs(number)}");

    [Fact]
    public async Task A_record_that_is_held_says_by_whom_and_whether_he_lives()
    {
        await InsertAsync(1, "a.1", Now, 0);
        await InsertAsync(2, "a.1", Now, 1, Now);
        await InsertAsync(3, "z.9", Now, 0);
        await Db.Clock.AdvanceAsync(TimeSpan.FromSeconds(5));
        var reserved = await ExplainAsync(1);
        Assert.Equal(TaskState.Reserved, reserved.Task.State);
        Assert.Equal("It is reserved, and not started: worker 'a.1' of node a holds it, which lives and was heard 00:00:05 ago. It starts when what that worker has in hand before it is done.", reserved.Verdict);
        Assert.Equal(["free"], Missing(reserved));
        var running = await ExplainAsync(2);
        Assert.Equal(TaskState.Running, running.Task.State);
        Assert.Equal("Attempt 1 of 3 runs since 00:00:05: worker 'a.1' of node a holds it, which lives and was heard 00:00:05 ago. Its time (MaxDuration) is over in 00:14:55.", running.Verdict);
        Assert.Equal(895, running.NextIn!.Value.TotalSeconds, 0.1);
        Assert.Contains("worker 'z.9' holds it, of which this cluster has never heard. The dispatcher that leads takes it back.", (await ExplainAsync(3)).Verdict, StringComparison.Ordinal);

        await Tables.Cluster.ResignAsync([("a.1", 1)], Stopping);
        Assert.Contains("which has left, 00:00:05 ago. The dispatcher that leads takes it back.", (await ExplainAsync(1)).Verdict, StringComparison.Ordinal);
        await Tables.Cluster.ResignAsync(Lease, Stopping);
        Assert.EndsWith("Nobody takes it back before a dispatcher leads.", (await ExplainAsync(1)).Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_record_of_a_dead_worker_and_one_whose_time_is_over_say_so()
    {
        await InsertAsync(1, "a.1", Now, 1, Now);
        await Db.Clock.AdvanceAsync(TimeSpan.FromMinutes(20));
        Assert.Contains("which was heard last 00:20:00 ago and counts as dead", (await ExplainAsync(1)).Verdict, StringComparison.Ordinal);
        await BeatAsync();
        var overdue = await ExplainAsync(1);
        Assert.Contains("Its time (MaxDuration) is over since 00:05:00.", overdue.Verdict, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, overdue.NextIn);
    }

    [Fact]
    public async Task An_ended_record_says_how_it_ended()
    {
        await InsertAsync(1, "a.1", Now, 1, Now, Now, true);
        await InsertAsync(2, "a.1", Now, 3, Now, Now, false);
        await InsertAsync(3, n: 3, ok: false);
        await ErrorAsync(2, "unlucky");
        await Db.Clock.AdvanceAsync(TimeSpan.FromSeconds(7));
        var completed = await ExplainAsync(1);
        Assert.Equal("It completed 00:00:07 ago and is not done again unless it is relaunched.", completed.Verdict);
        Assert.Equal("worker 'a.1' had it last", Detail(completed, "free"));
        Assert.Equal("It failed 00:00:07 ago, in attempt 3 of 3, because of: unlucky. The verb 'retry' makes it pending again.", (await ExplainAsync(2)).Verdict);
        var exhausted = await ExplainAsync(3);
        Assert.Equal((TaskState.Failed, false), (exhausted.Task.State, Is(exhausted, "attempts left")));
        Assert.StartsWith("It has used all of its 3 attempts and counts as failed.", exhausted.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_condition_is_asked_of_the_record_itself()
    {
        await InsertAsync(1);
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Score)} = 0");
        var low = await ExplainAsync(1, job => job.Where = $"{Column(Profile.Score)} > {5}");
        Assert.Equal(["where"], Missing(low));
        Assert.Null(low.Before);
        Assert.Contains("It is due, but it does not match the condition ", low.Verdict, StringComparison.Ordinal);
        Assert.Contains("> @p0", Detail(low, "where"), StringComparison.Ordinal);
        Assert.True((await ExplainAsync(1, job => job.Where = $"{Column(Profile.Score)} < {5}")).WillRun);
        // NULL is not true.
        Assert.Equal(["where"], Missing(await ExplainAsync(1, job => job.Where = $"{Column(Profile.Note)} = {"x"}")));
        var throws = await ExplainAsync(1, job => job.WhereEachCycle(() => throw new InvalidOperationException("no wind")));
        Assert.Null(Is(throws, "where"));
        Assert.Contains("no wind", throws.Verdict, StringComparison.Ordinal);
        Assert.Null(Is(await ExplainAsync(1, job => job.Where = $"nowhere"), "where"));
    }

    [Fact]
    public async Task What_the_cluster_lacks_is_told()
    {
        await InsertAsync(1);
        await Tables.Control.HoldAsync(new Hold(HoldKind.Job, "job"), "the shop moves", null, Stopping);
        var paused = await ExplainAsync(1);
        Assert.Equal(["job not paused"], Missing(paused));
        Assert.Equal("It is due, but the job is paused (the shop moves), until it is resumed.", paused.Verdict);
        await Tables.Control.ReleaseAsync(new Hold(HoldKind.Job, "job"), Stopping);
        Assert.Equal(["a worker may do it"], Missing(await ExplainAsync(1, job => job.WorkerFilter = "^gpu")));
        await Tables.Control.HoldAsync(new Hold(HoldKind.Node, "a"), "", null, Stopping);
        Assert.Contains("0 of 2 living workers may do it", Detail(await ExplainAsync(1), "a worker may do it"), StringComparison.Ordinal);
        await Tables.Control.ReleaseAsync(new Hold(HoldKind.Node, "a"), Stopping);
        await Tables.Cluster.ResignAsync(Lease, Stopping);
        Assert.Equal(["a dispatcher leads"], Missing(await ExplainAsync(1)));
    }

    [Fact]
    public async Task A_selection_of_the_program_tells_whether_it_names_the_record()
    {
        for (var i = 1; i <= 3; i++) await InsertAsync(i);
        await InsertAsync(5, "a.1", Now, 0);
        void Choosy(JobBuilder job) => job.Select(_ => [Key(3), Key(5), Key(1), "1,2,3"]);
        var named = await ExplainAsync(1, Choosy);
        Assert.Equal((true, true, 1), (Is(named, "selected"), named.WillRun, named.Before));
        var other = await ExplainAsync(2, Choosy);
        Assert.Equal(["selected"], Missing(other));
        Assert.Equal("It is due, but the job's Select does not name it; it names 4 records now.", other.Verdict);
        var much = await ExplainAsync(2, job => job.Select(_ => Enumerable.Range(0, 20_000).Select(i => $"{i + 10},{i}")));
        Assert.Null(Is(much, "selected"));
        Assert.Contains("it is not among the first 10,000 records that the job's Select names", much.Verdict, StringComparison.Ordinal);
        var throws = await ExplainAsync(2, job => job.Select((_, _) => throw new InvalidOperationException("no wind")));
        Assert.Null(Is(throws, "selected"));
        Assert.Contains("no wind", throws.Verdict, StringComparison.Ordinal);

        var preview = await (await ClusterAsync(Choosy)).PreviewAsync("job", 9, Stopping);
        Assert.Equal([Key(3), Key(1)], preview.Tasks.Select(t => t.Key));
        Assert.Equal([Key(5), "1,2,3"], preview.PassedBy);
        Assert.NotEmpty(preview.Plan);
        void ByStatement(JobBuilder job) => job.Select(
            $"SELECT {Raw(Profile.KeyList)} FROM {Raw(Profile.Table)} WHERE {Raw(EndTime)} IS NULL AND {5} > 0 ORDER BY {Raw(Profile.KeyList)} LIMIT @n");
        var stated = await (await ClusterAsync(ByStatement)).PreviewAsync("job", 2, Stopping);
        Assert.Equal([Key(1), Key(2)], stated.Tasks.Select(t => t.Key));
        Assert.Equal(["@select0", "@n"], stated.Parameters);
        Assert.StartsWith("SELECT ", stated.Sql, StringComparison.Ordinal);
        Assert.Equal(0, (await ExplainAsync(1, ByStatement)).Before);
    }

    private Task NoteAsync(int number, string text) =>
        Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Note)} = '{text}' WHERE {Profile.KeyIs(number)}");

    [Fact]
    public async Task A_record_that_waits_for_others_of_its_sequence_says_for_which()
    {
        for (var i = 1; i <= 6; i++) await InsertAsync(i);
        await InsertAsync(7, "a.1", Now, 0);
        await InsertAsync(8, et: Now, ok: false);
        foreach (var (number, note) in ((int, string)[])[(1, "x"), (2, "x"), (3, "y"), (7, "y"), (4, "z"), (8, "z"), (5, "w")]) await NoteAsync(number, note);
        void InOrder(JobBuilder job) => job.InSequenceBy(Profile.Note);
        async Task<string> TurnAsync(int number) => Detail(await ExplainAsync(number, InOrder), "its turn");
        Assert.True((await ExplainAsync(1, InOrder)).WillRun);
        var behind = await ExplainAsync(2, InOrder);
        Assert.Equal(["its turn"], Missing(behind));
        Assert.Null(behind.Before);
        Assert.Equal($"It is due, but a record of the same {Profile.Note} that comes before it has not ended.", behind.Verdict);
        Assert.Contains("a worker holds another record of the same", await TurnAsync(3), StringComparison.Ordinal);
        Assert.Contains("has failed, and those of its sequence wait", await TurnAsync(4), StringComparison.Ordinal);
        Assert.StartsWith("no record of the same", await TurnAsync(5), StringComparison.Ordinal);
        Assert.StartsWith("it has no", await TurnAsync(6), StringComparison.Ordinal);
        Assert.True(Is(await ExplainAsync(4, job => job.InSequenceBy(Profile.Note, goesOnAfterFailure: true)), "its turn"));
    }

    [Fact]
    public async Task A_time_of_the_records_own_is_told_like_the_other_one()
    {
        await InsertAsync(1);
        await InsertAsync(2, rt: Now.AddMinutes(1));
        await Db.ExecuteAsync($"ALTER TABLE {Profile.Table} ADD COLUMN send_at timestamp");
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET send_at = {TableProfile.Literal(Now.AddHours(1))}");
        void Later(JobBuilder job) => job.DueColumn = "send_at";
        var scheduled = await ExplainAsync(2, Later);
        Assert.Equal((TaskState.Scheduled, false), (scheduled.Task.State, Is(scheduled, "due")));
        Assert.Equal("It is due in 01:00:00: it was put off, or inserted for later.", scheduled.Verdict);
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET send_at = {TableProfile.Literal(Now.AddMinutes(-2))}");
        Assert.Equal("It is due in 00:01:00: it was put off, or inserted for later.", (await ExplainAsync(2, Later)).Verdict);
        Assert.Equal("since 00:02:00", Detail(await ExplainAsync(1, Later), "due"));
        Assert.Equal(2, Math.Round((await (await ClusterAsync(Later)).PreviewAsync("job", 5, Stopping)).Tasks.Single().DueFor!.Value.TotalMinutes, 2));
    }

    [Fact]
    public async Task A_key_that_is_not_there_or_is_none_is_told()
    {
        var cluster = await ClusterAsync(null);
        Assert.Null(await cluster.ExplainAsync("job", Key(77), Stopping));
        await Assert.ThrowsAsync<ArgumentException>(() => cluster.ExplainAsync("jub", Key(1), Stopping));
        if (!Db.IsSqlite) await Assert.ThrowsAsync<ArgumentException>(() => cluster.ExplainAsync("job", Profile.Key.Length == 1 ? "x" : "a,x", Stopping));
        if (Profile.Key.Length > 1) await Assert.ThrowsAsync<ArgumentException>(() => cluster.ExplainAsync("job", "a", Stopping));
    }

    [Fact]
    public async Task A_preview_is_what_is_reserved_next_and_reserves_nothing()
    {
        await InsertAsync(1);
        await InsertAsync(2, rt: Now.AddHours(1));
        await InsertAsync(3, "a.1", Now, 0);
        await InsertAsync(4, et: Now, ok: true);
        await InsertAsync(5, n: 2, rt: Now.AddMinutes(-2));
        await InsertAsync(6, n: 3);
        for (var i = 7; i <= 12; i++) await InsertAsync(i);
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Score)} = 100");
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Score)} = 3 WHERE {Profile.KeyIs(9)}");
        await Db.ExecuteAsync($"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Score)} = -1 WHERE {Profile.KeyIs(8)}");
        void Choosy(JobBuilder job)
        {
            job.Where = $"{Column(Profile.Score)} >= {0}";
            job.OrderBy = $"abs({Column(Profile.Score)} - {4})";
        }
        var cluster = await ClusterAsync(Choosy);
        var preview = await cluster.PreviewAsync("job", 5, Stopping);
        Assert.Equal(preview, preview with { Job = "job" });
        Assert.Equal([Key(9), Key(1), Key(5), Key(7), Key(10)], preview.Tasks.Select(t => t.Key));
        Assert.Equal((2, 2.0), (preview.Tasks[2].Attempts, Math.Round(preview.Tasks[2].DueFor!.Value.TotalMinutes, 2)));
        Assert.Null(preview.Tasks[0].DueFor);
        Assert.Contains("ORDER BY abs(", preview.Sql, StringComparison.Ordinal);
        Assert.Equal(["@max", "@want", "@where0", "@order0"], preview.Parameters);
        Assert.NotEmpty(preview.Plan);
        Assert.Equal(5, (await cluster.PreviewAsync("job", cancellationToken: Stopping)).Tasks.Count(t => preview.Tasks.Contains(t)));

        var store = await JobAsync(Choosy);
        var reserved = await store.ReserveAsync([.. Enumerable.Repeat(new Slot("a.1", "a"), 5)], Lease, "a", null, Stopping);
        Assert.Equal(preview.Tasks.Select(t => t.Key), reserved.Select(r => Db.Database.Dialect.Display(r.Key)));
        Assert.Equal([Key(11), Key(12)], (await cluster.PreviewAsync("job", cancellationToken: Stopping)).Tasks.Select(t => t.Key));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => cluster.PreviewAsync("job", 0, Stopping));
    }
}
