using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// Picking that begins at the first record, over an index full of what has ended: how long that may take, who goes on meanwhile, and what is
/// left when it was in vain.
/// </summary>
public sealed partial class WalkTests
{
    private const string Cursor = "@cursor0";
    private const string Renewal = "UPDATE pampa_lease SET expires_at";
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static PostgresException TooLong => new("canceling statement due to statement timeout", "ERROR", "ERROR", "57014");

    [GeneratedRegex("'statement_timeout', '([0-9.]+)s'")]
    private static partial Regex Limit();

    private static bool Walks(string text) => text.Contains(TestProcess.Reserve, StringComparison.Ordinal) && !text.Contains(Cursor, StringComparison.Ordinal);

    private static int Count(TestProcess process, string part) => process.Lines.Count(line => line.Contains(part, StringComparison.Ordinal));

    private static async Task<(TestCluster Cluster, TestProcess Process)> TwoJobsAsync(int records, double lease = 15)
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        await cluster.CreateTableAsync("others");
        await cluster.InsertAsync(records);
        await cluster.InsertAsync(records, table: "others");
        var process = await cluster.StartProgramAsync(pampa =>
        {
            pampa.LeaderLease = TimeSpan.FromSeconds(lease);
            foreach (var name in (string[])["numbers", "others"])
            {
                TestCluster.AddNumbers(pampa, job =>
                {
                    (job.QueueSize, job.MaxQueueSize) = (2, 2);
                    job.Process(_ => { });
                }, name, name);
            }
        });
        return (cluster, process);
    }

    /// <summary>Statements of a kind are ended by the server at the limit that they have, to which the clock moves.</summary>
    private static void EndAtLimit(TestCluster cluster, TestProcess process, Func<string, bool> matches, List<double> limits)
    {
        var (renewing, renewed) = (0, 0);
        process.Faults.Each(text => text.Contains(Renewal, StringComparison.Ordinal), _ => Interlocked.Increment(ref renewing));
        process.Faults.Each(text => text.Contains(Renewal, StringComparison.Ordinal), _ => Interlocked.Increment(ref renewed), after: true);
        process.Faults.Each(matches, text =>
        {
            var limit = double.Parse(Limit().Match(text).Groups[1].Value, CultureInfo.InvariantCulture);
            limits.Add(limit);
            var sinceRenewed = 0.0;
            for (var left = limit; left > 0; left--)
            {
                var before = Volatile.Read(ref renewed);
                cluster.Time.Advance(TimeSpan.FromSeconds(Math.Min(left, 1)));
                sinceRenewed++;
                // Beside a long one the lease is renewed, on other threads, for which the clock has to wait.
                if (sinceRenewed > 5) SpinWait.SpinUntil(() => Volatile.Read(ref renewed) > before, Moment);
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref renewing) == Volatile.Read(ref renewed), Patience));
                if (Volatile.Read(ref renewed) > before) sinceRenewed = 0;
            }
            throw TooLong;
        });
    }

    [Fact]
    public async Task One_that_always_takes_too_long_leaves_the_others_their_time_and_the_leader_his_lease()
    {
        var (cluster, process) = await TwoJobsAsync(records: 1);
        await using var _ = cluster;
        var limits = new List<double>();
        EndAtLimit(cluster, process, text => Walks(text) && !text.Contains("\"others\"", StringComparison.Ordinal), limits);
        for (var round = 0; round < 60; round++)
        {
            await cluster.InsertAsync(1, first: round + 2, table: "others");
            process.Dispatcher.Wake();
            // What it is held up by holds up nothing of the test's.
            await Task.Run(process.RoundAsync, TestCluster.Stopping);
            await cluster.LiveAsync(1);
        }
        // The first of two tries without locks, for it might wait for somebody's. The next one has longer, after a longer rest.
        Assert.Equal([0.9, 4.1], limits[..2]);
        Assert.Equal([10, 20], limits[2..]);
        Assert.InRange(cluster.Calls.Count(c => c.Job == "others"), 55, 61);
        Assert.Equal((1, 0, 0), (Count(process, "This process leads"), Count(process, "leads 'cluster' no more"), process.Outages));

        process.Faults.Clear();
        await cluster.LiveAsync(600);
        await cluster.UntilEndedAsync(maxRounds: 20);
    }

    [Fact]
    public async Task One_that_takes_long_in_each_round_does_not_keep_another_away_for_ever()
    {
        var (cluster, process) = await TwoJobsAsync(records: 1);
        await using var _ = cluster;
        await cluster.UntilEndedAsync();
        // The first job takes more than its share of each round and never too long; the other one has taken too long once.
        process.Faults.Each(
            text => Walks(text) && !text.Contains("\"others\"", StringComparison.Ordinal), _ => cluster.Time.Advance(TimeSpan.FromSeconds(3)));
        var tooLong = 2;
        process.Faults.Each(text => Walks(text) && text.Contains("\"others\"", StringComparison.Ordinal), text =>
        {
            if (Interlocked.Decrement(ref tooLong) < 0) return;
            cluster.Time.Advance(TimeSpan.FromSeconds(double.Parse(Limit().Match(text).Groups[1].Value, CultureInfo.InvariantCulture)));
            throw TooLong;
        });
        await cluster.InsertAsync(1, first: 50, table: "others");
        for (var round = 0; round < 12 && cluster.Calls.Count(c => c.Job == "others") == 1; round++)
        {
            process.Dispatcher.Wake();
            await process.RoundAsync();
            await cluster.LiveAsync(1);
        }
        Assert.True(tooLong <= 0);
        Assert.Equal(2, cluster.Calls.Count(c => c.Job == "others"));
    }

    [Fact]
    public async Task One_that_was_in_vain_is_tried_again_when_it_has_rested_although_nobody_tells_of_records()
    {
        var (cluster, process) = await TwoJobsAsync(records: 1);
        await using var _ = cluster;
        await cluster.UntilEndedAsync();
        var walks = 0;
        process.Faults.Each(text => Walks(text) && text.Contains("\"others\"", StringComparison.Ordinal), text =>
        {
            walks++;
            cluster.Time.Advance(TimeSpan.FromSeconds(double.Parse(Limit().Match(text).Groups[1].Value, CultureInfo.InvariantCulture)));
            throw TooLong;
        });
        await cluster.AdvanceAsync(2);
        await process.RoundAsync();
        Assert.Equal(2, walks);
        // It has taken five seconds, and rests as long.
        await cluster.LiveAsync(4);
        await process.RoundAsync();
        Assert.Equal(2, walks);
        await cluster.LiveAsync(2);
        await process.RoundAsync();
        Assert.Equal(3, walks);
    }

    private static async Task<(TestCluster Cluster, TestProcess Process, List<string> Sent)> BacklogAsync()
    {
        var cluster = await TestCluster.CreateAsync(Engine.PostgreSql);
        cluster.DatabaseTime = cluster.Time;
        await cluster.InsertAsync(100);
        var process = await cluster.StartAsync(
            job =>
            {
                (job.QueueSize, job.MaxQueueSize) = (2, 2);
                job.Process(_ => { });
            }, workers: 1);
        await process.RoundAsync();
        await cluster.AdvanceAsync(2);
        return (cluster, process, []);
    }

    private static void Note(TestProcess process, List<string> sent, Action<string>? happening = null) =>
        process.Faults.Each(text => text.Contains(TestProcess.Reserve, StringComparison.Ordinal), text =>
        {
            sent.Add(text);
            happening?.Invoke(text);
        });

    [Theory, InlineData(1, false), InlineData(2, true)]
    public async Task Only_one_slow_RESERVE_after_the_other_is_taken_for_somebodys_locks(int slow, bool locks)
    {
        var (cluster, process, sent) = await BacklogAsync();
        await using var _ = cluster;
        var others = new List<string>();
        Note(process, sent, text =>
        {
            if (Walks(text)) return;
            others.Add(text);
            if (others.Count <= slow) cluster.Time.Advance(TimeSpan.FromSeconds(0.2));
        });
        for (var i = 0; i < 20 && others.Count <= slow; i++) await process.RoundAsync();
        Assert.Equal([.. Enumerable.Repeat(false, slow), locks], others.Select(Skips));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_pass_that_takes_long_goes_on_beside_the_rounds_and_is_told_when_it_is_over(bool isNewTerm)
    {
        var (cluster, process, sent) = await BacklogAsync();
        await using var _ = cluster;
        await cluster.Db.ExecuteAsync("UPDATE numbers SET odd_checking_reservation_id = 'gone.1', odd_checking_reservation_times = 1, "
            + "odd_checking_reservation_time = '2030-01-01T00:00:00Z', odd_checking_start_time = '2030-01-01T00:00:00Z' WHERE value = 100");
        Task<int> HeldAsync() => cluster.Db.ScalarAsync<int>("SELECT count(*) FROM numbers WHERE odd_checking_reservation_id = 'gone.1'");
        Note(process, sent);
        var pass = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Faults.Delay("_pampa_verdict", pass.Task);
        await cluster.LiveAsync(11);

        for (var i = 0; i < 5; i++) await process.RoundAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.NotEmpty(sent);
        Assert.Equal(1, await HeldAsync());

        if (isNewTerm)
        {
            // Whoever has led meanwhile: what the pass of the former term changes is refused, and it does not pass for one of the new term.
            await cluster.Db.ExecuteAsync("UPDATE pampa_lease SET term = term + 1, holder = 'other', expires_at = '2030-01-01T00:00:00Z' WHERE scope = 'cluster'");
            await cluster.LiveAsync(10);
        }
        pass.SetResult();
        await cluster.UntilAsync(async () => await HeldAsync() == 0, "it is taken back");
        await cluster.UntilEndedAsync();
        Assert.Equal(100, cluster.Calls.Count);
    }

    [Fact]
    public async Task However_late_it_is_seen_that_a_pass_is_over_the_next_one_comes_ten_seconds_after_it()
    {
        var (cluster, process, _) = await BacklogAsync();
        await using var _1 = cluster;
        var passes = 0;
        process.Faults.Each(text => text.Contains("_pampa_verdict", StringComparison.Ordinal), _ => passes++);
        for (var second = 0; second < 62; second++)
        {
            await cluster.LiveAsync(1);
            await process.RoundAsync();
            // On the computer's own clock it takes no time.
            await process.Dispatcher.EndPassesAsync().WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        }
        Assert.True(passes is >= 5 and <= 7, $"{passes} passes: {string.Join(Environment.NewLine, process.Lines)}");
    }

    [Fact]
    public async Task As_long_as_a_pass_goes_on_there_may_be_something_left()
    {
        var (cluster, process, _) = await BacklogAsync();
        await using var _1 = cluster;
        await cluster.UntilEndedAsync();
        await cluster.UntilAsync(() => Task.FromResult(process.Dispatcher.IsIdle), "there is nothing more");
        await cluster.Db.ExecuteAsync("INSERT INTO numbers (value, odd_checking_reservation_times) VALUES (999, 3)");
        var pass = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Faults.Delay("_pampa_verdict", pass.Task);
        await cluster.LiveAsync(15);
        await process.RoundAsync();
        await process.RoundAsync();
        Assert.False(process.Dispatcher.IsIdle);
        pass.SetResult();
        await cluster.UntilAsync(() => Task.FromResult(process.Dispatcher is { IsIdle: true, Failed: 1 }), "it is told that one has no attempt left");
    }

    [Fact]
    public async Task Whoever_waits_for_a_pass_does_not_stand_behind_who_counts()
    {
        var (cluster, process, _) = await BacklogAsync();
        await using var _1 = cluster;
        var counting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var scan = process.Lane.Store.Database.InTurnAsync(() => counting.Task, TestCluster.Stopping);
        // Nor does a regular pass that stands there already.
        await cluster.LiveAsync(15);
        await process.RoundAsync();
        await process.Dispatcher.TakeBackAsync(TestCluster.Stopping).WaitAsync(TimeSpan.FromMinutes(1), TestCluster.Stopping);
        Assert.False(scan.IsCompleted);
        counting.SetResult();
        await scan;
    }

    private static bool Skips(string text) => text.Contains("SKIP LOCKED", StringComparison.Ordinal);
}
