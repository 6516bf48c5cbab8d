using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Conformance;

/// <summary>T8, and the counts.</summary>
public abstract partial class StoreConformance
{
    private Task<TaskStore> WithGenerationAsync() => JobAsync(job => job.Columns = Profile.Columns with { Generation = Profile.Generation });

    [Theory]
    [InlineData(true, 5)]
    [InlineData(false, 4)]
    [InlineData(null, 4)]
    public async Task A_relaunched_record_is_pending_again_and_only_a_completed_one_in_a_new_generation(bool? ok, int generation)
    {
        var store = await WithGenerationAsync();
        await InsertAsync(1, new Row
        {
            Rid = "a.1",
            Rt = Clock.Now,
            N = 3,
            St = Clock.Now,
            Et = Clock.Now,
            Ok = ok,
            Err = "once",
            Score = 7,
            Generation = 4,
        });
        var state = ok == true ? TaskState.Completed : TaskState.Failed;
        var ended = await Ticked(store.ReadEndedAsync(state, 10, Stopping));
        var now = Clock.Now;
        Assert.Equal(KeysOf(1), Shown(await Ticked(store.RelaunchAsync(ended, state, Stopping))));
        Assert.Equal(new Row { Rt = now, N = 0, Score = 7, Generation = generation }, await RowAsync(1));
        Assert.Single(await ReserveAsync(1));
    }

    [Fact]
    public async Task The_first_generation_may_be_null_and_the_column_missing()
    {
        var store = await WithGenerationAsync();
        await InsertAsync([(1, new Row { Et = Clock.Now, Ok = true }), (2, new Row { Et = Clock.Now.AddSeconds(1), Ok = true })]);
        var ended = await store.ReadEndedAsync(TaskState.Completed, 10, Stopping);
        await Ticked(store.RelaunchAsync([ended[0]], TaskState.Completed, Stopping));
        await Ticked(Store.RelaunchAsync([ended[1]], TaskState.Completed, Stopping));
        Assert.Equal(1, (await RowAsync(1)).Generation);
        Assert.Null((await RowAsync(2)).Generation);
    }

    [Fact]
    public async Task A_relaunch_that_saw_something_else_changes_nothing()
    {
        await InsertAsync(1, new Row { Et = Clock.Now, Ok = true });
        await InsertAsync(2);
        var before = await RowAsync(1);
        var seen = Assert.Single(await Store.ReadEndedAsync(TaskState.Completed, 10, Stopping));
        Assert.Empty(await Store.RelaunchAsync([seen], TaskState.Failed, Stopping));
        Assert.Empty(await Store.RelaunchAsync(
            [(seen.Key, seen.EndedAt.Replace("2030", "2031", StringComparison.Ordinal))], TaskState.Completed, Stopping));
        Assert.Empty(await Store.RelaunchAsync([(Key(2), seen.EndedAt)], TaskState.Completed, Stopping));
        await UnchangedAsync(1, before);
        await UnchangedAsync(2, Row.Fresh);
        Assert.Single(await Ticked(Store.RelaunchAsync([seen], TaskState.Completed, Stopping)));
        var relaunched = await RowAsync(1);
        Assert.Empty(await Store.RelaunchAsync([seen], TaskState.Completed, Stopping));
        await UnchangedAsync(1, relaunched);
    }

    [Fact]
    public async Task Ended_records_are_read_oldest_first_and_by_state()
    {
        await InsertAsync([
            (1, new Row { Et = Clock.Now.AddSeconds(3), Ok = true }), (2, new Row { Et = Clock.Now.AddSeconds(1), Ok = true }),
            (3, new Row { Et = Clock.Now.AddSeconds(2), Ok = false }), (4, new Row { Et = Clock.Now.AddSeconds(2) }), (5, Row.Fresh)]);
        Assert.Equal(KeysOf(2, 1), Shown((await Store.ReadEndedAsync(TaskState.Completed, 10, Stopping)).Select(e => e.Key)));
        Assert.Equal(KeysOf(3, 4), Shown((await Store.ReadEndedAsync(TaskState.Failed, 10, Stopping)).Select(e => e.Key)));
        Assert.Equal(KeysOf(2), Shown((await Store.ReadEndedAsync(TaskState.Completed, 1, Stopping)).Select(e => e.Key)));
    }

    [Fact]
    public async Task The_report_counts_each_state()
    {
        await InsertAsync([
            (1, Row.Fresh), (2, new Row { Rt = Clock.Now.AddHours(1) }), (3, new Row { Rid = "a.1" }), (4, new Row { Rid = "a.1", St = Clock.Now }),
            (5, new Row { Et = Clock.Now, Ok = true }), (6, new Row { Et = Clock.Now, Ok = false }), (7, new Row { N = 3 }), (8, new Row { N = 1 })]);
        Assert.Equal(new Report("job", 2, 1, 1, 1, 1, 2), await Store.ReportAsync(Stopping));
    }

    [Fact]
    public async Task The_report_leaves_out_what_never_was_a_task_of_the_job()
    {
        await InsertAsync([(1, new Row { Score = 1 }), (2, new Row { Score = 2 }), (3, new Row { Score = 2, Et = Clock.Now, Ok = true })]);
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} = {1} OR {Column(Profile.Score)} = {7}");
        var report = await store.ReportAsync(Stopping);
        Assert.Equal((1L, 1L, 2L), (report.Pending, report.Completed, report.Total));
    }

    [Theory]
    [InlineData(20300101)]
    [InlineData(42)]
    public async Task The_states_partition_the_table_and_what_is_pending_is_what_is_reserved(int seed)
    {
        var random = new Random(seed);
        T? Maybe<T>(params T[] values) where T : struct => random.Next(values.Length + 1) is var i && i < values.Length ? values[i] : null;
        var rows = Enumerable.Range(1, 400).Select(i => (i, new Row
        {
            Rid = random.Next(3) switch { 0 => "a.1", 1 => "gone.9", _ => null },
            Rt = Maybe(Clock.Now.AddHours(-1), Clock.Now.AddHours(1), Clock.Now),
            N = Maybe(0, 1, 2, 3, 4),
            St = Maybe(Clock.Now),
            Et = random.Next(4) == 0 ? Clock.Now : null,
            Ok = Maybe(true, false),
            Err = random.Next(2) == 0 ? "x" : null,
        })).ToList();
        await InsertAsync(rows);
        var expected = rows.GroupBy(r => StateOf(r.Item2, Clock.Now)).ToDictionary(g => g.Key, g => (long)g.Count());
        var report = await Store.ReportAsync(Stopping);
        Assert.Equal(400, report.Total);
        Assert.Equal(Enum.GetValues<TaskState>().Select(s => expected.GetValueOrDefault(s)),
            [report.Pending, report.Scheduled, report.Reserved, report.Running, report.Completed, report.Failed]);
        var pending = rows.Where(r => StateOf(r.Item2, Clock.Now) == TaskState.Pending).Select(r => r.i);
        var reserved = new List<Reservation>();
        while (await Store.ReserveAsync(Slots(150), Lease, "a", null, Stopping) is { Count: > 0 } more) reserved.AddRange(more);
        Assert.Equal(KeysOf([.. pending]), Shown(reserved.Select(r => r.Key)));
    }

    private static TaskState StateOf(Row row, DateTime now) =>
        row.Et is not null ? row.Ok == true ? TaskState.Completed : TaskState.Failed
        : row.Rid is not null ? row.St is null ? TaskState.Reserved : TaskState.Running
        : row.N >= 3 ? TaskState.Failed
        : row.Rt > now ? TaskState.Scheduled
        : TaskState.Pending;

    [Fact]
    public async Task Something_is_left_while_a_record_is_held_or_due_within_the_horizon()
    {
        var hour = TimeSpan.FromHours(1);
        Assert.False(await Store.IsAnythingLeftAsync(hour, Stopping));
        await InsertAsync([(1, new Row { N = 3 }), (2, new Row { Et = Clock.Now }), (3, new Row { Rt = Clock.Now.AddHours(2) })]);
        Assert.False(await Store.IsAnythingLeftAsync(hour, Stopping));
        Assert.True(await Store.IsAnythingLeftAsync(TimeSpan.FromHours(3), Stopping));
        await InsertAsync(4, new Row { Score = 1 });
        Assert.True(await Store.IsAnythingLeftAsync(TimeSpan.Zero, Stopping));
        var store = await JobAsync(job => job.Where = $"{Column(Profile.Score)} > {1} OR FALSE");
        Assert.False(await store.IsAnythingLeftAsync(hour, Stopping));
        await InsertAsync(5, new Row { Rid = "a.1", Score = 1 });
        Assert.True(await store.IsAnythingLeftAsync(hour, Stopping));
    }
}
