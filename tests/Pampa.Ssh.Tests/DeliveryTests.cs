using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Delivering;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>The sample of the front page, delivered from its source; and a delivery that does not come about.</summary>
public sealed class DeliveryTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sample_is_delivered_from_its_source_and_does_its_work_there()
    {
        var address = await world.NewDatabaseAsync();
        Environment.SetEnvironmentVariable("PAMPA_TEST_NUMBERS", address);
        Action<PampaBuilder> program = pampa =>
        {
            pampa.AddJob("search_odd_numbers", table: "numbers", key: "value", job =>
            {
                job.Columns = TaskColumns.WithPrefix("odd_checking");
                job.MaxAssignedWorkers = 5;
                job.Process(_ => { });
            });
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)");
            pampa.AddSshNode("counts", world.Server.Address, world.Settings());
        };
        string[] database = ["--db", "env:PAMPA_TEST_NUMBERS"];
        var (code, said) = await world.PublishingAsync(() =>
            SshWorld.RunAsync(program, ["nodes", "up", "--program", Path.Combine(SshWorld.Root, "samples/numbers.cs"), .. database]));
        Assert.True(code == 0, said);
        var node = Path.Combine(world.Account.Home, "nodes", "pampa", "counts");
        using var dispatcher = Process.Start(Tool.Order("/", Path.Combine(world.NewFolder(), "log"), Path.Combine(node, "current", "numbers"), ["dispatcher", "--plain", .. database]))!;
        try
        {
            await using var connection = new NpgsqlConnection(address);
            await connection.OpenAsync(Stopping);
            await using var command = new NpgsqlCommand("SELECT count(*) FROM numbers WHERE odd_checking_success AND is_odd = (value % 2 <> 0)", connection);
            var clock = Stopwatch.StartNew();
            while ((long)(await command.ExecuteScalarAsync(Stopping))! < 100_000)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "The numbers are not done.");
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Stopping);
            }
        }
        finally
        {
            dispatcher.Kill();
            (code, said) = await SshWorld.RunAsync(program, ["nodes", "down", "--no-drain"]);
            Assert.True(code == 0, said);
        }
        (code, said) = await SshWorld.RunAsync(program, "nodes", "logs", "counts", "--lines", "5");
        Assert.True(code == 0, said);
        Assert.Contains("search_odd_numbers: this process", said, StringComparison.Ordinal);
        (code, said) = await SshWorld.RunAsync(program, "nodes", "exec", "counts", "--", "sh", "-c", "echo $((40 + 2)); exit 3");
        Assert.Equal((3, "42"), (code, said.Trim()));
        (code, said) = await SshWorld.RunAsync(program, "nodes", "usage");
        Assert.True(code == 0, said);
        Assert.Contains("counts", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publishing_ends_with_whoever_wanted_it()
    {
        var folder = world.NewFolder();
        var (tool, mark) = (Path.Combine(folder, "tool"), $"4711.{RandomNumberGenerator.GetInt32(100_000, 999_999)}");
        await File.WriteAllTextAsync(tool, $"#!/bin/sh\nsleep {mark} &\nsleep {mark}; true\n", Stopping);
        await Tool.RunAsync("chmod", "755", tool);
        Task<Release> making;
        await using (var releases = new Releases(new ProgramSource(Path.Combine(folder, "program.cs"), IsFolder: false), tool))
        {
            making = releases.ForAsync("linux-x64", Stopping);
            await Processes.UntilAsync(() => Processes.With($"sleep {mark}").Count >= 2 || making.IsCompleted, "it publishes");
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => making);
        await Processes.UntilAsync(() => Processes.With($"sleep {mark}").Count == 0, "nothing of it runs", 3);
    }

    [Fact]
    public async Task A_node_that_cannot_be_reached_leaves_the_others_as_they_are()
    {
        await using var loads = await Loads.MakeAsync(world);
        var program = loads.With(("there", null), ("gone", node => node.Port = PrivatePostgres.FreePort()));
        var (code, said) = await loads.RunAsync(program, "nodes", "up", "--program", await FakeProgram.MakeAsync(world, "there"));
        Assert.Equal(1, code);
        Assert.Contains("Node 'gone': ", said, StringComparison.Ordinal);
        Assert.Contains("nobody listens there", said, StringComparison.Ordinal);
        Assert.Contains("No node was switched", said, StringComparison.Ordinal);
        var (statusCode, nodes) = await loads.StatusAsync(program);
        Assert.Equal(1, statusCode);
        Assert.Equal(["stopped", "unreachable"], nodes.ConvertAll(n => n.Process));
    }
}
