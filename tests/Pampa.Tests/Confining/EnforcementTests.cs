using System.Diagnostics;
using Pampa.Commands.Confining;
using Pampa.Servers;

namespace Pampa.Tests.Confining;

/// <summary>
/// What the kernel makes of limits, for real, with small programs; where the machine does not permit a means, the test says why it is
/// skipped.
/// </summary>
public sealed class EnforcementTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string name = $"pampa@test@{Guid.NewGuid():N}";
    private readonly List<Process> started = [];
    private readonly ControlGroups groups = ControlGroups.Find();
    private readonly CgroupV1 v1;

    public EnforcementTests() => v1 = new CgroupV1(groups, name, () => Disks.Find());

    public void Dispose()
    {
        foreach (var process in started)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }
            process.Dispose();
        }
        v1.CleanUp();
        Assert.All(groups.Controllers.Values, folder => Assert.False(Directory.Exists($"{folder}/{name}"), folder));
    }

    private ConfinedLife Confine(WorkerLimits limits, string worker = "web1.1")
    {
        Assert.SkipWhen(v1.Offer(limits).Count == 0,
            $"It takes control groups of version 1 that this user may write, of the controllers memory, cpu and blkio; here there are: {string.Join(", ", groups.Controllers.Keys)}.");
        var life = new ConfinedLife(worker, started.Count + 1);
        v1.Confine(life, limits);
        return life;
    }

    private Process Start(ConfinedLife life, params string[] words)
    {
        var command = life.Command(words[0], words[1..]);
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var word in command.Skip(1)) start.ArgumentList.Add(word);
        var process = Process.Start(start)!;
        started.Add(process);
        return process;
    }

    private static async Task<int> EndAsync(Process process)
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience);
        return process.ExitCode;
    }

    [Fact]
    public async Task A_worker_over_its_memory_is_killed_and_its_neighbour_is_not()
    {
        var (hungry, neighbour) = (Confine(new WorkerLimits { MaxRam = 128 }), Confine(new WorkerLimits { MaxRam = 128 }, "web1.10"));
        var other = Start(neighbour, "cat");
        Assert.Equal(137, await EndAsync(Start(hungry, "tail", "/dev/zero")));
        Assert.True(hungry.IsOverMemory(137));
        Assert.False(other.HasExited);
        other.StandardInput.Close();
        Assert.Equal(0, await EndAsync(other));
        Assert.False(neighbour.IsOverMemory(137));
        hungry.End();
        neighbour.End();
        Assert.Empty(Directory.GetDirectories($"{groups.Controllers["memory"]}/{name}"));
    }

    [Fact]
    public void What_a_node_has_left_is_taken_away_also_by_one_that_has_no_limits_any_more()
    {
        var life = Confine(new WorkerLimits { MaxCpu = 20 });
        var left = Path.GetDirectoryName(life.Joins[0])!;
        Assert.True(Directory.Exists(left));
        var words = name.Split('@');
        Confinement.Find(new WorkerLimits(), words[1], words[2]);
        Assert.False(Directory.Exists(left));
    }

    [Fact]
    public async Task A_worker_gets_no_more_processor_time_than_its_limit()
    {
        var life = Confine(new WorkerLimits { MaxCpu = 20 });
        var clock = Stopwatch.StartNew();
        var busy = Start(life, "sh", "-c", "while :; do :; done");
        var stat = Path.Combine(Path.GetDirectoryName(life.Joins[0])!, "cpu.stat");
        while (GroupFolder.Number(stat, "nr_throttled") < 5 && clock.Elapsed < Patience)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
        var (used, elapsed) = (busy.TotalProcessorTime, clock.Elapsed);
        Assert.InRange(used / elapsed, 0, 0.35);
        Assert.True(GroupFolder.Number(stat, "nr_throttled") >= 5);
    }

    [Fact]
    public async Task A_worker_writes_no_faster_to_a_disk_than_its_limit_unless_it_writes_through_the_page_cache()
    {
        var file = Path.Combine(AppContext.BaseDirectory, $"{Guid.NewGuid():N}.written");
        try
        {
            string[] write = ["dd", "if=/dev/zero", $"of={file}", "bs=1M", "count=5", "oflag=direct"];
            Assert.SkipWhen(await EndAsync(Start(new ConfinedLife("free", 9), write)) != 0, $"The file system of {AppContext.BaseDirectory} takes no direct writes.");
            var life = Confine(new WorkerLimits { MaxDiskIo = 20 });
            var clock = Stopwatch.StartNew();
            Assert.Equal(0, await EndAsync(Start(life, write)));
            // 5 MiB at 2.5 MB a second are 2.1 s.
            var direct = clock.Elapsed;
            Assert.InRange(direct.TotalSeconds, 1.5, 30);
            // Which is why the limit is said to be enforced in part. A file that is emptied first would be written back when it is closed.
            File.Delete(file);
            clock.Restart();
            Assert.Equal(0, await EndAsync(Start(life, write[..^1])));
            Assert.True(clock.Elapsed < direct);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Anybody_may_limit_data_processors_and_priority()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits are for Linux.");
        var processors = UserMeans.Processors();
        var means = new UserMeans(processors, Programs.Find);
        var life = new ConfinedLife("web1.1", 1);
        means.Confine(life, new WorkerLimits { MaxRam = 128, MaxCpu = 50, MaxDiskIo = 8 });
        var tail = Start(life, "tail", "/dev/zero");
        Assert.Equal(1, await EndAsync(tail));
        Assert.Contains("memory exhausted", await tail.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        var look = Start(life, "sh", "-c", "grep Cpus_allowed_list /proc/self/status; cut -d' ' -f19 /proc/self/stat");
        Assert.Equal(0, await EndAsync(look));
        var said = (await look.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\n');
        if (Programs.Find("taskset") is not null && processors.Count > 1) Assert.Single(UserMeans.Read(said[0].Split(':')[1].Trim()));
        if (Programs.Find("nice") is not null) Assert.Equal("10", said[1]);
    }

    [Fact]
    public async Task What_cannot_be_limited_as_promised_does_not_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits are for Linux.");
        var life = new ConfinedLife("web1.1", 1);
        life.Joins.Add("/proc/no/such/group");
        var refused = Start(life, "echo", "ran");
        Assert.NotEqual(0, await EndAsync(refused));
        Assert.Equal("", await refused.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
        // Words stay words.
        var words = new ConfinedLife("web1.1", 2) { DataKilobytes = 1_000_000 };
        var echo = Start(words, "echo", "a b", "$(id)", "--", "'");
        Assert.Equal("a b $(id) -- '\n", await echo.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_kernel_without_a_classifier_by_control_group_gets_its_queueing_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess && Programs.Find("tc") is not null && Programs.Find("ip") is not null,
            "It takes root, ip and tc.");
        var space = $"pampa-{Guid.NewGuid():N}"[..14];
        await Tool.RunAsync("ip", "netns", "add", space);
        try
        {
            await Tool.RunAsync("ip", "netns", "exec", space, "ip", "link", "set", "lo", "up");
            var folder = Directory.CreateTempSubdirectory("pampa-net-");
            try
            {
                var means = new TrafficControl($"{folder.FullName}/group", "lo", words => Tc(space, words));
                var offers = means.Offer(new WorkerLimits { MaxNetIo = 8 });
                var qdisc = Tc(space, ["qdisc", "show", "dev", "lo"]).Said;
                // Whether it could be enforced is the kernel's to say; what is said and what is there must agree.
                Assert.Equal(offers.Count > 0, qdisc.Contains("htb 7061:", StringComparison.Ordinal));
                means.CleanUp();
                Assert.DoesNotContain("7061:", Tc(space, ["qdisc", "show", "dev", "lo"]).Said, StringComparison.Ordinal);
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
        finally
        {
            await Tool.RunAsync("ip", "netns", "del", space);
        }
    }

    private static (bool IsDone, string Said) Tc(string space, IReadOnlyList<string> words)
    {
        var start = new ProcessStartInfo("ip") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in (string[])["netns", "exec", space, "tc", .. words]) start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode == 0, said);
    }
}
