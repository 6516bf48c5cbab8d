using System.Diagnostics;
using Pampa.Ssh.Commands;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>The pause of a node that is worked on: it ends with the work, and keeps other verbs away from it.</summary>
public sealed class HoldingTests(SshWorld world)
{
    private const string Elsewhere = $"{Holding.Reason} by me@elsewhere, process 7";
    private static readonly Patience Short = new(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1));

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private static string By(string what) => $"{Holding.Reason} by {Environment.UserName}@{Environment.MachineName}, {what}";

    [Fact]
    public async Task A_pause_of_ours_ends_with_the_step_or_by_itself_and_one_of_somebody_else_does_not()
    {
        await using var loads = await Loads.MakeAsync(world);
        // The database's clock, which is not this computer's.
        await loads.ExecuteAsync("""
            CREATE SCHEMA ahead;
            CREATE FUNCTION ahead.now() RETURNS timestamptz LANGUAGE sql STABLE AS $f$SELECT pg_catalog.now() + interval '1 day'$f$;
            CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $f$SELECT pg_catalog.clock_timestamp() + interval '1 day'$f$;
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = ahead, pg_catalog, public', current_database()); END $$;
            """);
        await loads.WithClusterAsync(loads.With(("held", null)), async cluster =>
        {
            var target = PampaTarget.Node("held");
            async Task<HeldInfo?> HeldAsync() => (await cluster.InfoAsync(Stopping)).Held.FirstOrDefault(held => held.Target == target);
            Holding Hold() => new(cluster, new SshNode("held", "host"), TimeSpan.FromHours(1));
            var holding = Hold();
            await Assert.ThrowsAsync<NodeException>(() => holding.AroundAsync(async () =>
            {
                Assert.Equal(0, await holding.DrainAsync(Short.Drain, Stopping));
                var own = await HeldAsync();
                Assert.StartsWith(FormattableString.Invariant($"{By("process")} {Environment.ProcessId} of pid:["), own?.Reason, StringComparison.Ordinal);
                Assert.InRange(own?.EndsIn ?? TimeSpan.Zero, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
                throw new NodeException("it fails");
            }, Stopping));
            Assert.Null(await HeldAsync());
            await cluster.PauseAsync(target, "maintenance", cancellationToken: Stopping);
            holding = Hold();
            await holding.AroundAsync(async () =>
            {
                await holding.DrainAsync(Short.Drain, Stopping);
                // Others see who is at it, and what was there would outlive him.
                Assert.StartsWith(By("process"), (await HeldAsync())?.Reason, StringComparison.Ordinal);
                Assert.Null((await HeldAsync())?.EndsIn);
            }, Stopping);
            Assert.Equal(("maintenance", null), ((await HeldAsync())?.Reason, (await HeldAsync())?.EndsIn));
            Assert.Equal("; it stays paused (maintenance)", holding.Stays);
            await cluster.ResumeAsync(target, Stopping);

            holding = Hold();
            await holding.AroundAsync(async () =>
            {
                await holding.DrainAsync(Short.Drain, Stopping);
                await cluster.PauseAsync(target, "its disk is failing", cancellationToken: Stopping);
            }, Stopping);
            Assert.Equal(("its disk is failing", "; it stays paused (its disk is failing)"), ((await HeldAsync())?.Reason, holding.Stays));

            // One that would end in the middle does not, and ends when it should after that.
            await cluster.PauseAsync(target, "lunch", await cluster.NowAsync(Stopping) + TimeSpan.FromMinutes(5), Stopping);
            holding = Hold();
            await holding.AroundAsync(async () =>
            {
                await holding.DrainAsync(Short.Drain, Stopping);
                Assert.InRange((await HeldAsync())?.EndsIn ?? TimeSpan.Zero, TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
            }, Stopping);
            Assert.Equal("lunch", (await HeldAsync())?.Reason);
            Assert.InRange((await HeldAsync())?.EndsIn ?? TimeSpan.Zero, TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(5));
        });
    }

    [Fact]
    public async Task A_pause_of_a_verb_that_is_gone_is_ended_and_one_that_may_be_at_it_is_left_alone()
    {
        await using var loads = await Loads.MakeAsync(world);
        await loads.WithClusterAsync(loads.With(("held", null)), async cluster =>
        {
            var target = PampaTarget.Node("held");
            async Task<HeldInfo?> HeldAsync() => (await cluster.InfoAsync(Stopping)).Held.FirstOrDefault(held => held.Target == target);
            Holding Hold() => new(cluster, new SshNode("held", "host"), TimeSpan.FromHours(1));
            using var gone = Process.Start("true");
            await gone.WaitForExitAsync(Stopping);
            var space = new FileInfo("/proc/self/ns/pid").LinkTarget;
            var process = FormattableString.Invariant($"{By("process")} {gone.Id}");
            string[] left = [Holding.Reason, process, $"{process}{Holding.Space}"];
            // Of a container or a computer with the same name it cannot be told either.
            string[] working = [$"{By("process")} 1", $"{By("process")} 1{Holding.Space}", $"{process} of {space} on 00000000", $"{process} of pid:[1]", Elsewhere];
            foreach (var reason in left.Concat(working))
            {
                await cluster.PauseAsync(target, reason, cancellationToken: Stopping);
                var isBegun = false;
                Task AroundAsync() => Hold().AroundAsync(() => Task.FromResult(isBegun = true), Stopping);
                if (working.Contains(reason))
                    Assert.Contains($"somebody is at it already ({reason})", (await Assert.ThrowsAsync<NodeException>(AroundAsync)).Message, StringComparison.Ordinal);
                else await AroundAsync();
                Assert.Equal(!working.Contains(reason), isBegun);
                Assert.Equal(working.Contains(reason) ? reason : null, (await HeldAsync())?.Reason);
            }

            // And what it has covered counts again.
            await cluster.PauseAsync(target, $"{process}{Holding.Space}; it was paused before: its disk; is failing", cancellationToken: Stopping);
            await Hold().AroundAsync(() => Task.CompletedTask, Stopping);
            Assert.Equal(("its disk; is failing", null), ((await HeldAsync())?.Reason, (await HeldAsync())?.EndsIn));
        });
    }

    [Fact]
    public async Task A_node_that_another_verb_is_at_is_left_as_it_is_also_where_nothing_runs_on_it()
    {
        await using var loads = await Loads.MakeAsync(world);
        var agent = await FakeNode.MakeAsync(world, "taken");
        await using var connection = agent.Connection;
        var facts = await agent.ProbeAsync(Stopping);
        var next = Path.Combine(facts.Folder, "launch.next");
        await File.WriteAllTextAsync(next, "what the other one has put beside", Stopping);
        using var release = await Release.ReadAsync(await FakeProgram.MakeAsync(world, "taken too"), null, Stopping);
        agent.Node.RebootCommand = ["false"];
        await loads.WithClusterAsync(loads.With(("taken", null)), async cluster =>
        {
            var row = new NodeRow("taken", "", _ => { });
            var stop = new StopVerbs((cluster, loads.Database), Short);
            var wanted = new Wanted(release, Launch.Of(agent.Node, release.Program, facts.Folder), NodeDatabase.Of(agent.Node, loads.Database), (_, _) => null);
            await cluster.PauseAsync(PampaTarget.Node("taken"), Elsewhere, cancellationToken: Stopping);
            foreach (var doAsync in (Func<Task>[])
            [
                () => new Upgrade(agent, cluster, Short, row).RunAsync(wanted, false, Stopping), () => stop.DownAsync(agent, row, Stopping),
                () => stop.RestartAsync(agent, TimeSpan.FromSeconds(5), row, Stopping),
                () => new RebootVerb(agent, (cluster, loads.Database), Short, TimeSpan.FromSeconds(5), row).RunAsync(TimeSpan.FromSeconds(5), Stopping),
            ])
            {
                var refused = await Assert.ThrowsAsync<NodeException>(doAsync);
                Assert.Contains($"somebody is at it already ({Elsewhere})", refused.Message, StringComparison.Ordinal);
            }
            Assert.Equal(Elsewhere, Assert.Single((await cluster.InfoAsync(Stopping)).Held).Reason);
            await cluster.ResumeAsync(PampaTarget.Node("taken"), Stopping);

            // And while this one is at a node on which nothing runs, others see that.
            var seen = "";
            row = new NodeRow("taken", "", changed =>
            {
                if (changed.Step == "stopping") seen = cluster.InfoAsync(Stopping).GetAwaiter().GetResult().Held is [var own] ? own.Reason : "";
            });
            Assert.Equal("what the other one has put beside", await File.ReadAllTextAsync(next, Stopping));
            var upgrade = new Upgrade(agent, cluster, Short with { Start = TimeSpan.FromMilliseconds(1) }, row);
            await Assert.ThrowsAsync<NodeException>(() => upgrade.RunAsync(wanted, false, Stopping));
            Assert.StartsWith(By("process"), seen, StringComparison.Ordinal);
            Assert.Empty((await cluster.InfoAsync(Stopping)).Held);
        });
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Of_two_verbs_that_have_looked_at_the_same_moment_the_second_gives_way(bool isFirst)
    {
        await using var loads = await Loads.MakeAsync(world);
        await loads.WithClusterAsync(loads.With(("held", null)), async cluster =>
        {
            // The other one's pause comes between the look at it and our own; or it has come after ours, and was taken back before we look again.
            const string putBack = """
                INSERT INTO pampa_audit (cluster, id, at, who, action, target, detail, count)
                    VALUES (NEW.cluster, 'zz' || NEW.reason, now(), 'me', 'pause', 'node held', NEW.reason || '; until 2030-01-01 00:00:00Z', 0) ON CONFLICT DO NOTHING;
                """;
            await loads.ExecuteAsync($"""
                CREATE FUNCTION another() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                  IF NEW.reason LIKE '% {Environment.ProcessId}%' THEN
                    INSERT INTO pampa_audit (cluster, id, at, who, action, target, detail, count)
                    VALUES (NEW.cluster, 'z' || NEW.reason, now(), 'me', 'pause', 'node held', '{Elsewhere}; until 2030-01-01 00:00:00Z', 0) ON CONFLICT DO NOTHING;
                    {(isFirst ? putBack : "")}
                  END IF;
                  RETURN NEW;
                END $f$;
                CREATE TRIGGER another BEFORE INSERT ON pampa_hold FOR EACH ROW EXECUTE FUNCTION another();
                """);
            var holding = new Holding(cluster, new SshNode("held", "host"), TimeSpan.FromHours(1));
            if (isFirst)
            {
                await holding.AroundAsync(() => holding.TakeAsync(Stopping), Stopping);
                Assert.Empty((await cluster.InfoAsync(Stopping)).Held);
                return;
            }
            var refused = await Assert.ThrowsAsync<NodeException>(() => holding.AroundAsync(() => holding.TakeAsync(Stopping), Stopping));
            Assert.Contains($"somebody is at it already ({Elsewhere})", refused.Message, StringComparison.Ordinal);
            Assert.Equal(Elsewhere, Assert.Single((await cluster.InfoAsync(Stopping)).Held).Reason);
        });
    }
}
