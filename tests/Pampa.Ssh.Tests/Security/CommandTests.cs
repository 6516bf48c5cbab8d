using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests.Security;

/// <summary>T11: no name is a command, no word is anything but a word, and what is stopped is the process that was started and no other.</summary>
[Trait("suite", "security")]
public sealed class CommandTests(SshWorld world)
{
    private static readonly TimeSpan Stop = TimeSpan.FromSeconds(5);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("n;$(reboot)")]
    [InlineData("-n")]
    [InlineData("a b")]
    [InlineData("../x")]
    [InlineData("n\n")]
    [InlineData("")]
    public async Task A_name_that_a_shell_could_misread_is_no_name(string name) =>
        Assert.Contains("the name must be 1 to 64 letters", await SettingsTests.WrongAsync(name, "host"), StringComparison.Ordinal);

    [Theory]
    [InlineData("-oProxyCommand=reboot")]
    [InlineData("a b")]
    [InlineData("$(id)")]
    [InlineData("")]
    public async Task A_host_that_could_be_an_option_is_no_host(string host) =>
        Assert.Contains("the host must be a name", await SettingsTests.WrongAsync("web1", host), StringComparison.Ordinal);

    [Fact]
    public void A_word_of_a_command_has_no_zero_in_it()
    {
        Assert.Throws<ArgumentException>(() => Quoting.Line(["a\0b"]));
        Assert.Equal("'a' '' ''\\'''", Quoting.Line(["a", "", "'"]));
    }

    [Theory, InlineData("a b"), InlineData("'; touch x; '"), InlineData("$(id)"), InlineData("`id`"), InlineData("a\nb"), InlineData("\"\\"), InlineData("-n"), InlineData(""), InlineData("ä€😀*?")]
    public async Task A_word_arrives_as_it_is(string word)
    {
        await using var connection = await SshConnection.OpenAsync(world.Node(), false, _ => { }, Stopping);
        var result = await connection.RunAsync("printf", ["printf", "%s|", word], Logins.Short, Stopping);
        Assert.Equal($"{word}|\n", result.Output);
    }

    [Fact]
    public async Task Stopping_n_1_leaves_n_10_to_n_12_alone()
    {
        var folder = await FakeProgram.MakeAsync(world, "many");
        var agents = new List<NodeAgent>();
        try
        {
            for (var i = 1; i <= 12; i++)
            {
                var agent = await world.AgentAsync(FormattableString.Invariant($"n.{i}"));
                agents.Add(agent);
                using var release = await SshWorld.DeliverAsync(agent, folder);
                await agent.StartAsync(new Launch(release.Program, ["--name", agent.Node.Name]), null, Stopping);
            }
            var pids = new List<long?>();
            foreach (var agent in agents) pids.Add((await agent.ProbeAsync(Stopping)).Process);
            Assert.Equal(12, pids.OfType<long>().Distinct().Count());
            await agents[0].StopAsync(Stop, kills: false, Stopping);
            Assert.Null((await agents[0].ProbeAsync(Stopping)).Process);
            for (var i = 1; i < 12; i++) Assert.Equal(pids[i], (await agents[i].ProbeAsync(Stopping)).Process);
        }
        finally
        {
            foreach (var agent in agents)
            {
                await agent.StopAsync(Stop, kills: true, CancellationToken.None);
                await agent.Connection.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_process_that_has_got_the_same_number_is_not_stopped()
    {
        var agent = await world.AgentAsync("again");
        await using var connection = agent.Connection;
        using var release = await SshWorld.DeliverAsync(agent, await FakeProgram.MakeAsync(world, "again"));
        await agent.StartAsync(new Launch(release.Program, []), null, Stopping);
        var file = Path.Combine(world.Account.Home, "nodes", "agents", "again", "pid");
        var words = (await File.ReadAllTextAsync(file, Stopping)).Trim().Split(' ');
        // The number is right, but it began at another time.
        await File.WriteAllTextAsync(file, $"{words[0]} 1 {words[2]}\n", Stopping);
        var facts = await agent.ProbeAsync(Stopping);
        Assert.True(facts.HasCrashed);
        Assert.Null(facts.Process);
        await agent.StopAsync(Stop, kills: true, Stopping);
        Assert.True(Processes.IsAlive(words[0]));
        // And one of before the computer began anew.
        await File.WriteAllTextAsync(file, $"{words[0]} {words[1]} {Guid.NewGuid()}\n", Stopping);
        Assert.Null((await agent.ProbeAsync(Stopping)).Process);
        await File.WriteAllTextAsync(file, $"{string.Join(' ', words)}\n", Stopping);
        await agent.StopAsync(Stop, kills: false, Stopping);
        Assert.False(Processes.IsAlive(words[0]));
    }
}
