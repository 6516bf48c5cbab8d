using Pampa.Ssh.Commands;
using Pampa.Ssh.Connecting;
using Pampa.Ssh.Remote;
using Pampa.Ssh.Tests.Servers;

namespace Pampa.Ssh.Tests;

/// <summary>What is said of nodes, and what comes of it without any connection.</summary>
public sealed class SettingsTests
{
    internal static async Task<string> WrongAsync(string name, string host, Action<SshNode>? configure = null)
    {
        var (code, said) = await SshWorld.RunAsync(pampa =>
        {
            pampa.AddJob("x", table: "x", key: "id", job => job.Process(_ => { }));
            pampa.AddSshNode(name, host, configure);
        }, "status", "--db", Path.Combine(Path.GetTempPath(), "none.db"));
        Assert.Equal(2, code);
        return said;
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_at_once()
    {
        var said = await WrongAsync("web1", "host", ssh =>
        {
            ssh.Port = 0;
            ssh.User = "-l";
            ssh.Workers = 2_000;
            ssh.PasswordFrom = "tell-nobody";
            ssh.HostKey = "MD5:00";
            ssh.Folder = "../x";
            ssh.JumpHost = "-x";
            ssh.DatabaseForwardPort = 5432;
            ssh.Database = "postgres://me:tell-nobody@db/shop";
            ssh.Tags.Add("a b");
        });
        foreach (var word in (string[])["Port", "User", "Workers", "PasswordFrom", "HostKey", "Folder", "JumpHost", "Database must", "Database says", "a tag"])
            Assert.Contains($"Node 'web1': {word}", said, StringComparison.Ordinal);
        Assert.DoesNotContain("tell-nobody", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_are_for_workers_that_are_processes_and_reach_the_node_and_its_service()
    {
        Assert.Contains("Node 'web1': Limits are for workers that are processes of their own: set IsIsolated", await WrongAsync("web1", "host", ssh => ssh.Limits = new WorkerLimits { MaxRam = 512 }), StringComparison.Ordinal);
        Assert.Contains("Node 'web1': MaxRam must be between 128 and 16,777,216, got 1.", await WrongAsync("web1", "host", ssh =>
        {
            ssh.IsIsolated = true;
            ssh.Limits = new WorkerLimits { MaxRam = 1 };
        }), StringComparison.Ordinal);
        var (code, said) = await SshWorld.RunAsync(pampa =>
        {
            pampa.AddJob("x", table: "x", key: "id", job => job.Process(_ => { }));
            pampa.AddSshNode("web1", "192.0.2.1", ssh =>
            {
                ssh.IsIsolated = true;
                ssh.Limits = new WorkerLimits { MaxRam = 512, MaxCpu = 50, MaxDiskIo = 80, MaxNetIo = 40 };
            });
        }, "nodes", "unit", "web1", "--folder", "/srv/shop", "--user", "shop", "--program-name", "shop");
        Assert.Equal(0, code);
        Assert.Contains("\"--isolated\" \"--max-ram\" \"512\" \"--max-cpu\" \"50\" \"--max-disk-io\" \"80\" \"--max-net-io\" \"40\"\n", said, StringComparison.Ordinal);
        Assert.Contains("\nDelegate=yes\n", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_is_printed_without_any_connection()
    {
        var (code, said) = await SshWorld.RunAsync(pampa =>
        {
            pampa.AddJob("x", table: "x", key: "id", job => job.Process(_ => { }));
            pampa.ShutdownTimeout = TimeSpan.FromMinutes(10);
            pampa.AddSshNode("web1", "192.0.2.1");
        }, "nodes", "unit", "web1", "--folder", "/srv/shop 100%", "--user", "shop", "--program-name", "shop");
        Assert.Equal(0, code);
        Assert.Equal("""
            # /etc/systemd/system/pampa-pampa-web1.service
            [Unit]
            Description=Pampa node web1
            Wants=network-online.target
            After=network-online.target
            StartLimitIntervalSec=0

            [Service]
            Type=notify
            NotifyAccess=main
            ExecStart="/srv/shop 100%%/current/shop" "node" "--name" "web1" "--plain" "--log" "/srv/shop 100%%/log/" "--db" "file:/srv/shop 100%%/database"
            WorkingDirectory=/srv/shop 100%%/work
            ExecStartPre=-/bin/sh -c "find \"$$0\" -size +1024k -exec rm -f {} +" "/srv/shop 100%%/log/errors.log"
            StandardError=append:/srv/shop 100%%/log/errors.log
            User=shop
            TimeoutStartSec=infinity
            WatchdogSec=60
            Restart=on-failure
            RestartSec=5
            KillMode=mixed
            TimeoutStopSec=690
            NoNewPrivileges=yes
            UMask=0077

            [Install]
            WantedBy=multi-user.target

            """.ReplaceLineEndings("\n"), said.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void What_a_node_says_is_read()
    {
        var facts = NodeFacts.Read("folder=/x/y\nmachine=aarch64\nlibc=musl\nmanager=user\nboot=b\nreleases=a b\ncurrent=a\nprogram=p=q\npid=7\nbegan=1\nseconds=90\nnoise\n");
        Assert.Equal(("/x/y", "linux-musl-arm64", ServiceManager.User, "a", "p=q"), (facts.Folder, facts.Runtime, facts.Manager, facts.Current, facts.Program));
        Assert.Equal((7L, TimeSpan.FromSeconds(90), false), (facts.Process, facts.RunsFor, facts.HasCrashed));
        Assert.Equal(["a", "b"], facts.Releases);
        Assert.Null(facts.StopTime);
        var service = NodeFacts.Read("ActiveState=activating\nSubState=auto-restart\nNRestarts=12\nResult=exit-code\nTimeoutStopUSec=11min 30s\n");
        Assert.Equal(
            (true, false, 12L, "exit-code", TimeSpan.FromSeconds(690)), (service.IsRestarting, service.HasCrashed, service.Restarts, service.Ended, service.StopTime));
        var failed = NodeFacts.Read("ActiveState=failed\nSubState=failed\nResult=success\nTimeoutStopUSec=infinity\n");
        Assert.Equal((false, true, "", TimeSpan.FromDays(1)), (failed.IsRestarting, failed.HasCrashed, failed.Ended, failed.StopTime));
        Assert.Equal(TimeSpan.FromSeconds(5400.5), NodeFacts.Read("TimeoutStopUSec=1h 30min 500ms").StopTime);
    }

    [Theory]
    [InlineData("postgres://me:tell-nobody@db/shop")]
    [InlineData("Host=db;Username=me;Psw=tell-nobody")]
    [InlineData("Host=db;Username=me;Pass=tell-nobody")]
    [InlineData("postgres://db/shop?user=me&p%61ssword=tell-nobody")]
    public async Task A_password_in_a_programs_text_is_refused_in_whatever_form(string address)
    {
        var said = await WrongAsync("web1", "host", ssh => ssh.Database = address);
        Assert.Contains("Node 'web1': Database must have no password", said, StringComparison.Ordinal);
        Assert.DoesNotContain("tell-nobody", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_name_may_be_is_told_whole()
    {
        const string Form = "must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit";
        Assert.Contains($"a tag {Form}, got '.eu'", await WrongAsync("web1", "host", ssh => ssh.Tags.Add(".eu")), StringComparison.Ordinal);
        Assert.Contains($"the name {Form}.", await WrongAsync(".web1", "host"), StringComparison.Ordinal);
        var fleet = new Fleet([new SshNode("web1", "host")], "-c", false, 1, TextWriter.Null);
        var refused = await Assert.ThrowsAsync<NodeException>(() => fleet.OpenAsync(fleet.Nodes[0], TestContext.Current.CancellationToken));
        Assert.Equal($"Cluster {Form}, got '-c'.", refused.Message);
    }

    [Fact]
    public async Task All_of_a_program_is_delivered_but_its_default_database()
    {
        var folder = Directory.CreateTempSubdirectory("pampa-release-").FullName;
        foreach (var name in (string[])["shop", "shop.db", "shop.db-wal", "shop.db-shm", "shop.db-journal", "shop.db.dll", "shop.dbmodel.dll", "shop.dbup.sql"])
            await File.WriteAllTextAsync(Path.Combine(folder, name), "x", TestContext.Current.CancellationToken);
        using var release = await Delivering.Release.ReadAsync(folder, "shop", TestContext.Current.CancellationToken);
        var archive = await release.ArchiveAsync(TestContext.Current.CancellationToken);
        await using var unpacked = new System.IO.Compression.GZipStream(File.OpenRead(archive.Path), System.IO.Compression.CompressionMode.Decompress);
        using var tar = new System.Formats.Tar.TarReader(unpacked);
        var names = new List<string>();
        while (tar.GetNextEntry() is { } entry) names.Add(entry.Name);
        Assert.Equal(["shop", "shop.db.dll", "shop.dbmodel.dll", "shop.dbup.sql"], names.Order(StringComparer.Ordinal));
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("m/b/pid:[1]/7/100", true)]
    [InlineData("m/b/pid:[1]/7-100/8/200", true)]
    [InlineData("m/b/pid:[1]/7/101", false)]
    [InlineData("m/b/pid:[1]/8/100", false)]
    [InlineData("m/b/pid:[1]/7-101/8/200", false)]
    [InlineData("m/other/pid:[1]/7/100", false)]
    [InlineData("m?/7/0123456789abcdef", true)]
    [InlineData("", true)]
    public void A_heartbeat_is_of_the_process_that_was_started_or_of_one_that_it_starts_again(string process, bool isOfIt)
    {
        var facts = NodeFacts.Read("boot=b\npid=7\nbegan=100\n");
        Assert.Equal(isOfIt, Heartbeats.IsIn(new WorkerInfo("web1.1", "web1", null, true, true, TimeSpan.Zero) { Process = process }, facts));
    }

    [Theory]
    [InlineData("Host=db;Username=me;Password=a", "Host=db;Username=me;Password=b", true)]
    [InlineData("Host=db;Username=me;Password=a", "Host=db;Username=me", true)]
    [InlineData("Host=db;Username=me;Password=a", "Host=db2;Username=me;Password=b", false)]
    [InlineData("postgres://me:a@db/shop", "postgres://me:b@db/shop", true)]
    [InlineData("postgres://me:a@db/shop", "postgres://me:b@db/other", false)]
    [InlineData("Host=db", "Host=db", false)]
    [InlineData("", "Host=db;Password=b", false)]
    [InlineData("what", "ever", false)]
    public void Only_a_password_that_has_changed_is_no_other_database(string one, string other, bool isSo) =>
        Assert.Equal(isSo, NodeDatabase.DiffersInPassword(one, other));

    [Theory]
    [InlineData("Host=db;Username=me;Password=a", true, true)]
    [InlineData("postgres://me:b@DB:5432/me?require_auth=none", true, true)]
    [InlineData("Host=db;Username=me;Database=me;SSL Mode=Require", true, true)]
    [InlineData("Host=db;Username=me;Database=other", false, false)]
    [InlineData("Host=db;Username=other;Database=me", false, false)]
    [InlineData("Host=db2;Username=me", false, false)]
    [InlineData("Host=db;Port=5433;Username=me", false, false)]
    // Where a port of the node leads its address does not tell.
    [InlineData("Host=127.0.0.1;Port=15432;Username=me", false, true)]
    [InlineData("Host=127.0.0.1;Port=15432;Username=other", false, false)]
    [InlineData("me.db", false, false)]
    [InlineData("", false, false)]
    public void Another_address_of_the_same_database_is_known_as_such(string had, bool isSo, bool isSoThroughPort)
    {
        var given = new VerbDatabase(new Hosting.DatabaseChoice(Storage.DatabaseAddress.Parse("postgres://me:b@db/me"), "test"));
        var direct = new SshNode("web1", "host");
        var through = new SshNode("web1", "host") { DatabaseForwardPort = 15_433 };
        Assert.Equal((isSo, isSo), (NodeDatabase.Of(direct, given).IsThatOf(had), NodeDatabase.IsThatOf(direct, given, had)));
        Assert.Equal((isSoThroughPort, isSoThroughPort), (NodeDatabase.Of(through, given).IsThatOf(had), NodeDatabase.IsThatOf(through, given, had)));
    }

    [Fact]
    public void What_calls_the_database_its_own_way_is_known_by_database_and_user()
    {
        var given = new VerbDatabase(new Hosting.DatabaseChoice(Storage.DatabaseAddress.Parse("postgres://me:b@localhost/shop"), "test"));
        var node = new SshNode("web1", "host") { Database = "env:ELSEWHERE" };
        Assert.True(NodeDatabase.IsThatOf(node, given, "postgres://me:c@db.example/shop"));
        Assert.False(NodeDatabase.IsThatOf(node, given, "postgres://me:c@db.example/other"));
        Assert.True(NodeDatabase.GoesThrough("Host=127.0.0.1;Port=15432", 15_432));
        Assert.False(NodeDatabase.GoesThrough("Host=db;Port=15432", 15_432));
    }

    [Fact]
    public void A_pause_lasts_as_long_as_the_service_may_take_to_end()
    {
        var patience = new Patience(TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.FromMinutes(33), patience.Whole(NodeFacts.Read("")));
        Assert.Equal(TimeSpan.FromMinutes(57), patience.Whole(NodeFacts.Read("TimeoutStopUSec=10min\n")));
    }

    [Fact]
    public void How_a_node_is_started_is_remembered_with_its_workers_and_limits()
    {
        var node = new SshNode("web1", "host") { Workers = 3, IsIsolated = true, Limits = new WorkerLimits { MaxCpu = 50 } };
        var launch = Launch.Of(node, "shop", "/f");
        Assert.Equal("node --name web1 --plain --log /f/log/ --db file:/f/database --isolated --workers 3 --max-cpu 50", string.Join(' ', launch.Arguments));
        var read = Launch.Read(launch.Text)!;
        Assert.Equal(("shop", launch.Text, 3, true, true), (read.Program, read.Text, read.Workers, read.IsIsolated, read.HasLimits));
        var plain = Launch.Of(new SshNode("web1", "host"), "shop", "/f");
        Assert.Equal(((int?)null, false, false), (plain.Workers, plain.IsIsolated, plain.HasLimits));
        Assert.EndsWith(" --log-format json --isolated", string.Join(' ', Launch.Of(new SshNode("web1", "host") { LogsAsJson = true, IsIsolated = true }, "shop", "/f").Arguments), StringComparison.Ordinal);
        Assert.Null(Launch.Read(""));
    }

    [Fact]
    public void A_service_of_a_computer_without_icu_tells_the_program_so()
    {
        var launch = Launch.Of(new SshNode("web1", "host"), "shop", "/f");
        string Unit(string probe) => new UnitFile
        {
            Node = "web1",
            Folder = "/f",
            Launch = launch,
            ShutdownTimeout = TimeSpan.FromSeconds(5),
            LacksIcu = NodeFacts.Read(probe).LacksIcu,
        }.Text();
        Assert.Contains("\nEnvironment=DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1\n", Unit("noicu=1\n"), StringComparison.Ordinal);
        Assert.DoesNotContain("Environment=", Unit(""), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jump", "jump")]
    [InlineData("me@jump:2222,other", "me@jump:2222|other")]
    [InlineData("me@[2001:db8::1]:2222", "me@2001:db8::1:2222")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("NONE", "")]
    [InlineData("jump:0", null)]
    [InlineData("jump:ssh", null)]
    [InlineData("a,-b", null)]
    [InlineData("a,,b", null)]
    [InlineData("@jump", null)]
    [InlineData("[::1", null)]
    public void Jump_hosts_are_read(string text, string? hosts) =>
        Assert.Equal(hosts, JumpHost.TryRead(text) is { } read ? string.Join('|', read) : null);

    [Fact]
    public async Task The_verb_has_a_page_of_help_and_so_has_each_below_it()
    {
        static void Program(PampaBuilder pampa) => pampa.AddSshNode("web1", "192.0.2.1");
        var (_, all) = await SshWorld.RunAsync(Program, "nodes", "--help");
        Assert.Contains(" nodes VERB [OPTIONS]", all, StringComparison.Ordinal);
        foreach (var verb in (string[])["up", "status", "down", "restart", "logs", "exec", "usage", "reboot", "forward", "unit"])
        {
            Assert.Contains($"  {verb} ", all, StringComparison.Ordinal);
            var (code, said) = await SshWorld.RunAsync(Program, "nodes", verb, "--help");
            Assert.Equal(0, code);
            Assert.Contains($" nodes {verb} ", said, StringComparison.Ordinal);
            // Offered where it does something.
            Assert.Equal(verb is "up" or "status" or "down" or "usage", said.Contains("--parallel", StringComparison.Ordinal));
        }
        var (_, without) = await SshWorld.RunAsync(_ => { }, "--help");
        Assert.DoesNotContain("  nodes", without, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_is_named_and_has_not_the_tag_is_told()
    {
        static void Program(PampaBuilder pampa)
        {
            pampa.AddSshNode("web1", "192.0.2.1", node => node.Tags.Add("asia"));
            pampa.AddSshNode("web2", "192.0.2.2", node => node.Tags.Add("europe"));
            pampa.AddSshNode("web3", "192.0.2.3");
        }
        const string Named = "Node 'web1' has not the tag 'europe'. Tags are asia.\nNode 'web3' has not the tag 'europe'. There are none.\n";
        foreach (var (args, expected) in (ValueTuple<string[], string>[])
        [
            (["usage", "web1", "web2", "web3", "--tag", "europe"], Named), (["exec", "web1", "web2", "web3", "--tag", "europe", "--", "true"], Named),
            (["usage", "--tag", "africa"], "No node has the tag 'africa'. Tags are asia, europe.\n"), (["exec", "--tag", "africa", "--", "true"], "No node has the tag 'africa'. Tags are asia, europe.\n"),
        ])
        {
            var (code, said) = await SshWorld.RunAsync(Program, ["nodes", .. args]);
            Assert.Equal((1, expected), (code, said.ReplaceLineEndings("\n")));
        }
    }

    [Fact]
    public async Task A_database_that_a_node_could_not_reach_is_told_before_anything_is_done()
    {
        static Action<PampaBuilder> Program(Action<SshNode>? configure = null) => pampa =>
        {
            pampa.AddJob("x", table: "x", key: "id", job => job.Process(_ => { }));
            pampa.Setup("CREATE TABLE x (id integer PRIMARY KEY)");
            pampa.AddSshNode("web1", "192.0.2.1", configure);
        };
        var file = Path.Combine(Path.GetTempPath(), $"pampa-{Guid.NewGuid():N}.db");
        var (code, said) = await SshWorld.RunAsync(Program(), "nodes", "up", "--db", file);
        Assert.Equal(1, code);
        Assert.Contains("a file of this computer", said, StringComparison.Ordinal);
        foreach (var left in Directory.GetFiles(Path.GetTempPath(), $"{Path.GetFileName(file)}*")) File.Delete(left);
    }
}
