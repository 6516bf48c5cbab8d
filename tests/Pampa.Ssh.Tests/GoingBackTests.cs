using Npgsql;
using Pampa.Servers;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>An upgrade of settings alone that does not come about: the node has what it had, and the next one does not take it for done.</summary>
public sealed class GoingBackTests(SshWorld world)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wrong_address_goes_back_to_the_former_one_and_a_drain_without_end_leaves_the_former_settings()
    {
        await using var loads = await Loads.MakeAsync(world);
        var wrong = $"PAMPA_TEST_{Guid.NewGuid():N}";
        Environment.SetEnvironmentVariable(wrong, new NpgsqlConnectionStringBuilder(loads.Address) { Port = PrivatePostgres.FreePort() }.ConnectionString);
        var folder = Path.Combine(world.Account.Home, "nodes", "pampa", "back");
        Task<string> ReadAsync(string file) => File.ReadAllTextAsync(Path.Combine(folder, file), Stopping);
        var program = loads.With(("back", null));
        string[] up = ["nodes", "up", "--program", await loads.PublishedAsync()];
        try
        {
            var (code, said) = await loads.RunAsync(program, up);
            Assert.True(code == 0, said);
            var address = await ReadAsync("database");
            (code, said) = await loads.RunAsync(loads.With(("back", node => node.Database = $"env:{wrong}")), [.. up, "--start-timeout", "00:00:08"]);
            Assert.Equal(1, code);
            Assert.Contains("It runs with the settings and the database that it had again.", said, StringComparison.Ordinal);
            Assert.Equal(address, await ReadAsync("database"));
            var (_, nodes) = await loads.StatusAsync(program);
            Assert.Equal(("running", 4, 4, false), (nodes[0].Process, nodes[0].Workers, nodes[0].Ready, nodes[0].IsPaused));

            // Somebody waits for less than what runs takes.
            var launch = await ReadAsync("launch");
            var fewer = loads.With(("back", node => node.Workers = 2));
            await loads.StartDispatcherAsync();
            await loads.ExecuteAsync("INSERT INTO loads (id) SELECT -n FROM generate_series(1, 400) n");
            await loads.UntilDoneAsync(1);
            (code, said) = await loads.RunAsync(fewer, [.. up, "--timeout", "00:00:00.001"]);
            Assert.Equal(1, code);
            Assert.Contains("so it is left as it was", said, StringComparison.Ordinal);
            Assert.Equal(launch, await ReadAsync("launch"));
            (code, said) = await loads.RunAsync(fewer, up);
            Assert.True(code == 0, said);
            Assert.DoesNotContain("runs this release already", said, StringComparison.Ordinal);
            (_, nodes) = await loads.StatusAsync(fewer);
            Assert.Equal(("running", 2, 2), (nodes[0].Process, nodes[0].Workers, nodes[0].Ready));
            // Done, so that nothing of it is left.
            Assert.Empty(Directory.GetFiles(folder, "*.former").Concat(Directory.GetFiles(folder, "*.next")));
            (code, said) = await loads.RunAsync(fewer, up);
            Assert.True(code == 0, said);
            Assert.Contains("runs this release already", said, StringComparison.Ordinal);
        }
        finally
        {
            var (code, said) = await loads.RunAsync(program, "nodes", "down", "--no-drain");
            Assert.True(code == 0, said);
        }
    }
}
