using Pampa.Commands.Confining;
using Pampa.Hosting;
using Pampa.Jobs;

namespace Pampa.Tests.Confining;

/// <summary>
/// What each means makes of limits, as far as that can be told without the kernel; what the kernel makes of it is for <see
/// cref="EnforcementTests"/>.
/// </summary>
public sealed class MeansTests : IDisposable
{
    private static readonly WorkerLimits All = new() { MaxRam = 512, MaxCpu = 50, MaxDiskIo = 80, MaxNetIo = 40 };
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-limits-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Make(string path, string? text = null)
    {
        var full = Path.Combine(folder, path);
        if (text is null) return Directory.CreateDirectory(full).FullName;
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    private static ConfinedLife Life(string worker = "web1.1") => new(worker, 1);

    [Fact]
    public void Where_this_process_stands_is_read_from_what_the_kernel_says()
    {
        string[] mounts =
        [
            "24 1 0:22 / /proc rw,nosuid - proc proc rw",
            "30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755",
            "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate",
            "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:6 - cgroup cgroup rw,cpu,cpuacct",
            "33 30 0:29 /box/7 /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory",
            "34 30 0:30 / /mnt/a\\040b rw - cgroup cgroup rw,blkio",
        ];
        var found = ControlGroups.Read(mounts, ["5:memory:/box/7/inner", "4:cpu,cpuacct:/", "3:blkio:/x", "1:name=systemd:/init.scope", "0::/user.slice/a:b.scope"]);

        Assert.Equal("/sys/fs/cgroup/unified/user.slice/a:b.scope", found.Unified);
        Assert.Equal("/sys/fs/cgroup/memory/inner", found.Controllers["memory"]);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct", found.Controllers["cpu"]);
        Assert.Equal("/mnt/a b/x", found.Controllers["blkio"]);
        Assert.Null(ControlGroups.Read([], []).Unified);
    }

    [Fact]
    public void Cgroup_v2_gets_a_group_for_each_life_and_this_process_moves_out_of_the_way()
    {
        var own = Make("v2");
        Make("v2/cgroup.controllers", "cpuset cpu io memory pids\n");
        Make("v2/cgroup.type", "domain\n");
        Make("v2/cgroup.procs", $"{Environment.ProcessId}\n");
        var means = new CgroupV2(new ControlGroups(own, new Dictionary<string, string>()), "pampa@shop@web1", () => ["254:0"]);

        Assert.Equal(
            ["MaxRam 512 MB: enforced by cgroup v2 (memory.max)", "MaxCpu 50 %: enforced by cgroup v2 (cpu.max)", "MaxDiskIo 80 Mbps: enforced by cgroup v2 (io.max)"],
            means.Offer(All).Select(o => o.ToString()));
        var life = Life();
        means.Confine(life, All);

        Assert.Equal($"{Environment.ProcessId}", File.ReadAllText($"{own}/pampa@shop@web1.supervisor/cgroup.procs"));
        var group = $"{own}/pampa@shop@web1/{life.Name}";
        Assert.Equal([$"{group}/cgroup.procs"], life.Joins);
        Assert.Equal(("536870912", "1", "50000 100000", "254:0 rbps=10000000 wbps=10000000"),
            (File.ReadAllText($"{group}/memory.max"), File.ReadAllText($"{group}/memory.oom.group"), File.ReadAllText($"{group}/cpu.max"), File.ReadAllText($"{group}/io.max")));
        Assert.False(life.IsOverMemory(137));
        File.WriteAllText($"{group}/memory.events", "low 0\noom 3\noom_kill 1\n");
        Assert.True(life.IsOverMemory(137));
        Assert.False(life.IsOverMemory(1));
    }

    [Fact]
    public void Cgroup_v2_limits_no_writes_through_the_page_cache_without_the_controller_that_knows_whose_pages_they_are()
    {
        var own = Make("v2");
        Make("v2/cgroup.controllers", "cpu io\n");
        var means = new CgroupV2(new ControlGroups(own, new Dictionary<string, string>()), "pampa@shop@web1", () => ["254:0"]);
        Assert.Equal(
            "MaxDiskIo 80 Mbps: enforced in part, by cgroup v2 (io.max, without the memory controller): reads and direct writes; not what goes through the page cache",
            means.Offer(All).Single(o => o.Name == "MaxDiskIo").ToString());
    }

    [Fact]
    public void Disks_are_found_and_one_that_has_no_number_of_its_own_is_left_out()
    {
        Make("block/sda/dev", "8:0\n");
        Make("block/nvme0n1/dev", "259:1\n");
        Make("block/nvme0c0n1/size", "1\n");
        Make("block/loop0/dev", "7:0\n");
        Assert.Equal(["259:1", "8:0"], Disks.Find(Make("block")));
        Assert.Empty(Disks.Find(Path.Combine(folder, "none")));
    }

    [Theory, InlineData("cpuset hugetlb\n", null), InlineData("memory cpu\n", "4711\n")]
    public void Cgroup_v2_offers_nothing_without_controllers_or_where_the_group_is_not_its_own_alone(string controllers, string? others)
    {
        var own = Make("v2");
        Make("v2/cgroup.controllers", controllers);
        Make("v2/cgroup.type", "domain\n");
        Make("v2/cgroup.procs", $"{Environment.ProcessId}\n{others}");
        var means = new CgroupV2(new ControlGroups(own, new Dictionary<string, string>()), "pampa@shop@web1", () => ["254:0"]);
        Assert.Empty(means.Offer(All));
        Assert.Empty(new CgroupV2(ControlGroups.None, "pampa@shop@web1", () => []).Offer(All));
        Assert.Empty(Directory.GetDirectories(own));
        means.CleanUp();
    }

    [Fact]
    public void Cgroup_v1_gets_a_group_in_the_tree_of_each_controller()
    {
        var groups = new ControlGroups(null, new Dictionary<string, string> { ["memory"] = Make("memory"), ["cpu"] = Make("cpu"), ["blkio"] = Make("blkio") });
        var means = new CgroupV1(groups, "pampa@shop@web1", () => ["254:0"]);
        Assert.Equal(
        [
            "MaxRam 512 MB: enforced by cgroup v1 (memory.limit_in_bytes)", "MaxCpu 50 %: enforced by cgroup v1 (cpu.cfs_quota_us)",
            "MaxDiskIo 80 Mbps: enforced in part, by cgroup v1 (blkio.throttle): reads and direct writes; not what goes through the page cache",
        ], means.Offer(All).Select(o => o.ToString()));
        var life = Life();
        means.Confine(life, All);

        Assert.Equal(["memory", "cpu", "blkio"], life.Joins.Select(j => Path.GetRelativePath(folder, j).Split('/')[0]));
        string Read(string controller, string file) => File.ReadAllText(Path.Combine(folder, controller, "pampa@shop@web1", life.Name, file));
        Assert.Equal(("536870912", "100000", "50000"), (Read("memory", "memory.limit_in_bytes"), Read("cpu", "cpu.cfs_period_us"), Read("cpu", "cpu.cfs_quota_us")));
        Assert.Equal(("254:0 10000000", "254:0 10000000"), (Read("blkio", "blkio.throttle.read_bps_device"), Read("blkio", "blkio.throttle.write_bps_device")));
    }

    [Fact]
    public void What_a_killed_node_has_left_is_taken_away_and_nothing_of_another_node()
    {
        var groups = new ControlGroups(Make("v2"), new Dictionary<string, string> { ["memory"] = Make("memory") });
        foreach (var tree in (string[])["memory", "v2"])
        {
            foreach (var node in (string[])["web1", "web10", "web1.1"]) Make($"{tree}/pampa@shop@{node}/{node}.1@99.1");
        }
        Make("memory/pampa@shop@web1/web1.2@99.2/cgroup.procs", "4711");
        new CgroupV1(groups, "pampa@shop@web1", () => []).CleanUp();
        new CgroupV2(groups, "pampa@shop@web1", () => []).CleanUp();

        Assert.False(Directory.Exists($"{folder}/v2/pampa@shop@web1"));
        // One in which somebody lives still stays, as the kernel would have it.
        Assert.Equal(["web1.2@99.2"], Directory.GetDirectories($"{folder}/memory/pampa@shop@web1").Select(Path.GetFileName));
        foreach (var tree in (string[])["memory", "v2"])
            Assert.All((string[])["web10", "web1.1"], node => Assert.True(Directory.Exists($"{folder}/{tree}/pampa@shop@{node}/{node}.1@99.1")));
    }

    [Fact]
    public void Nothing_is_promised_of_systemd_that_it_has_not_taken()
    {
        var tried = new List<string>();
        bool Refuses(IReadOnlyList<string> words, string what)
        {
            tried.Add(string.Join('|', words));
            return !words.Any(w => w.StartsWith(what, StringComparison.Ordinal));
        }
        Assert.Equal(["MaxRam", "MaxDiskIo"], new SystemdScope("run", false, words => Refuses(words, "CPUQuota")).Offer(All).Select(o => o.Name));
        Assert.Equal("--scope|--quiet|--collect|--description=Pampa tries what it may promise|-p|MemoryMax=512M|-p|MemorySwapMax=0|--|/bin/true", tried[0]);
        Assert.Empty(new SystemdScope("run", true, words => Refuses(words, "--user")).Offer(All));
        // What is refused goes to the next means, or is said not to be enforced.
        var groups = ControlGroups.Read([], []);
        var confinement = new Confinement(new WorkerLimits { MaxCpu = 50 }, [new CgroupV2(groups, "n", () => []), new SystemdScope("run", false, _ => false)]);
        Assert.Equal(LimitEnforcement.None, Assert.Single(confinement.Words).Enforcement);
    }

    [Fact]
    public void Systemd_gets_a_scope_with_properties()
    {
        var means = new SystemdScope("/usr/bin/systemd-run", isOfUser: false, _ => true);
        Assert.Equal(["systemd scope (MemoryMax)", "systemd scope (CPUQuota)", "systemd scope (IOReadBandwidthMax, IOWriteBandwidthMax)"], means.Offer(All).Select(o => o.By));
        var life = Life();
        means.Confine(life, All);
        Assert.Equal(
            "/usr/bin/systemd-run|--scope|--quiet|--collect|--description=Pampa worker web1.1|-p|MemoryMax=512M|-p|MemorySwapMax=0|-p|CPUQuota=50%"
            + "|-p|IOReadBandwidthMax=/ 10000000|-p|IOWriteBandwidthMax=/ 10000000|--|shop|worker", string.Join('|', life.Command("shop", ["worker"]).SkipWhile(w => w != "--").Skip(1)));

        var own = new SystemdScope("/usr/bin/systemd-run", isOfUser: true, _ => true);
        Assert.Equal(["MaxRam", "MaxCpu"], own.Offer(All).Select(o => o.Name));
        own.Confine(life = Life(), new WorkerLimits { MaxCpu = 50 });
        Assert.Contains("--user", life.Wrapper);
        Assert.Empty(new SystemdScope(null, isOfUser: true, _ => true).Offer(All));
        Assert.Equal(LimitEnforcement.Partly, new SystemdScope("/usr/bin/systemd-run", false, _ => true, isOfVersion1: true).Offer(All)[2].Enforcement);
    }

    [Fact]
    public void A_worker_of_a_scope_was_over_its_memory_if_the_kernel_has_counted_that_and_not_if_somebody_has_killed_it()
    {
        Make("slice/memory.events", "oom_kill 3\n");
        var scope = Make("slice/run-1.scope");
        var events = Make("slice/run-1.scope/memory.events", "oom_kill 0\n");
        ConfinedLife Began()
        {
            var life = Life();
            new SystemdScope("run", false, _ => true, groupOf: process => process == 7 ? scope : null).Confine(life, All);
            life.Begun(7);
            return life;
        }
        Assert.False(Began().IsOverMemory(137));
        var known = Began();
        File.WriteAllText(events, "oom_kill 1\n");
        Assert.True(known.IsOverMemory(137));
        File.WriteAllText(events, "oom_kill 0\n");
        var killed = Began();
        // The scope goes with its process; what is above it has counted for it.
        Directory.Delete(scope, recursive: true);
        Assert.False(killed.IsOverMemory(137));
        File.WriteAllText(Path.Combine(folder, "slice/memory.events"), "oom_kill 4\n");
        Assert.True(killed.IsOverMemory(137));
        Assert.False(killed.IsOverMemory(1));
        // One that never came so far, or is in no group that tells, was killed by whomever.
        var unknown = Life();
        new SystemdScope("run", false, _ => true).Confine(unknown, All);
        Assert.False(unknown.IsOverMemory(137));
        unknown.Begun(7);
        Assert.False(unknown.IsOverMemory(137));
    }

    [Fact]
    public void A_runtime_that_ends_itself_for_memory_is_heard_whatever_means_the_limit_fell_to()
    {
        var groups = new ControlGroups(null, new Dictionary<string, string> { ["memory"] = Make("memory") });
        ConfinedLife Begin(WorkerLimits limits) => new Confinement(limits, [new CgroupV1(groups, "n", () => []), new UserMeans([0, 1], _ => null)]).Begin("web1.1", null);
        var life = Begin(new WorkerLimits { MaxRam = 512 });
        Assert.False(life.IsOverMemory(134));
        life.Hear("Out of memory.");
        Assert.True(life.IsOverMemory(134));
        Assert.False(life.IsOverMemory(1));
        var free = Begin(new WorkerLimits { MaxCpu = 50 });
        free.Hear("Out of memory.");
        Assert.False(free.IsOverMemory(134));
    }

    [Theory, InlineData(1), InlineData(2)]
    public void A_disk_that_was_taken_out_keeps_no_worker_from_starting_and_one_that_was_put_in_is_limited(int version)
    {
        var groups = new ControlGroups(Make("v2"), new Dictionary<string, string> { ["blkio"] = Make("blkio") });
        Make("v2/cgroup.controllers", "io\n");
        List<string> disks = ["254:0"];
        IReadOnlyList<string> Find() => [.. disks];
        IMeans means = version == 1 ? new CgroupV1(groups, "n", Find) : new CgroupV2(groups, "n", Find);
        var limits = new WorkerLimits { MaxDiskIo = 80 };
        Assert.Single(means.Offer(limits));
        disks[0] = "8:16";
        means.Confine(Life(), limits);
        var file = Path.Combine(folder, version == 1 ? "blkio/n" : "v2/n", Life().Name, version == 1 ? "blkio.throttle.read_bps_device" : "io.max");
        Assert.StartsWith("8:16 ", File.ReadAllText(file), StringComparison.Ordinal);
        if (!File.Exists("/dev/full")) return;
        // What cannot be written is told, unless the disk is gone.
        File.Delete(file);
        File.CreateSymbolicLink(file, "/dev/full");
        Assert.ThrowsAny<IOException>(() => means.Confine(Life(), limits));
        var asked = 0;
        IReadOnlyList<string> Gone() => asked++ == 0 ? ["8:16"] : [];
        Disks.Limit(Gone, _ => throw new IOException("no such device"));
        Assert.Equal(2, asked);
    }

    [Theory]
    [InlineData(1, "memory", "memory.limit_in_bytes", "MaxRam"), InlineData(1, "cpu", "cpu.cfs_quota_us", "MaxCpu"), InlineData(1, "blkio", "blkio.throttle.write_bps_device", "MaxDiskIo")]
    [InlineData(2, "v2", "memory.max", "MaxRam"), InlineData(2, "v2", "cpu.max", "MaxCpu"), InlineData(2, "v2", "io.max", "MaxDiskIo")]
    public void Nothing_is_promised_that_the_kernel_does_not_take_though_its_controller_is_there(int version, string tree, string file, string limit)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "It takes /dev/full.");
        string[] trees = version == 1 ? ["memory", "cpu", "blkio"] : [];
        var groups = new ControlGroups(version == 2 ? Make("v2") : null, trees.ToDictionary(t => t, t => Make(t)));
        if (version == 2) Make("v2/cgroup.controllers", "memory cpu io\n");
        File.CreateSymbolicLink(Path.Combine(Make($"{tree}/n/probe@{Environment.ProcessId}"), file), "/dev/full");
        IMeans means = version == 1 ? new CgroupV1(groups, "n", () => ["254:0"]) : new CgroupV2(groups, "n", () => ["254:0"]);
        string[] all = ["MaxRam", "MaxCpu", "MaxDiskIo"];
        Assert.Equal(all.Where(name => name != limit), means.Offer(All).Select(o => o.Name));
    }

    [Fact]
    public void What_anybody_may_do_is_told_for_what_it_is_worth()
    {
        var means = new UserMeans([0, 1, 4, 5], name => $"/bin/{name}");
        string Cpu(UserMeans of, int percent) => of.Offer(new WorkerLimits { MaxCpu = percent }).Single().ToString();
        Assert.Equal("MaxCpu 50 %: enforced in part, by affinity to 1 of 4 processors (taskset), so up to 100 %, with a low priority (nice)", Cpu(means, 50));
        Assert.Equal("MaxCpu 200 %: enforced by affinity to 2 of 4 processors (taskset)", Cpu(means, 200));
        Assert.Equal("MaxCpu 400 %: enforced by the number of processors, which is 4", Cpu(means, 400));
        Assert.Equal("MaxCpu 350 %: not enforced: no control groups that this user may write; only a low priority (nice)", Cpu(means, 350));
        Assert.Equal("MaxCpu 50 %: not enforced: no control groups that this user may write; only a low priority (nice)", Cpu(new UserMeans([0, 1], _ => null), 50));
        Assert.Equal("MaxDiskIo 80 Mbps: not enforced: no control groups that this user may write; only a low priority (ionice)", means.Offer(All)[2].ToString());
        Assert.Equal("MaxRam 512 MB: enforced in part, by the limit of data (ulimit -d): of each process singly, not what it shares or maps", means.Offer(All)[0].ToString());
        Assert.Equal(3, means.Offer(All).Count);

        var (first, second) = (Life(), Life("web1.2"));
        means.Confine(first, All with { MaxCpu = 150 });
        means.Confine(second, All with { MaxCpu = 150 });
        // Each has other processors than the one before, as long as there are some.
        Assert.NotEqual(first.Wrapper[5], second.Wrapper[5]);
        Assert.Equal(["/bin/nice", "-n", "10", "/bin/taskset", "-c", first.Wrapper[5], "/bin/ionice", "-c", "2", "-n", "7"], first.Wrapper);
        Assert.Equal(("2", 512L * 1024), (first.Variables["DOTNET_PROCESSOR_COUNT"], first.DataKilobytes));
        Assert.Equal([0, 1, 2, 3, 8], UserMeans.Read("0-3,8"));
    }

    [Fact]
    public void Each_limit_falls_to_the_strongest_means_and_none_to_two()
    {
        var groups = new ControlGroups(null, new Dictionary<string, string> { ["memory"] = Make("memory") });
        var confinement = new Confinement(All with { MaxCpu = 100 },
        [
            new CgroupV2(groups, "n", () => []), new CgroupV1(groups, "n", () => []), new SystemdScope(null, false, _ => true),
            new UserMeans([0, 1], name => $"/bin/{name}"),
        ]);
        Assert.Equal(
        [
            "MaxRam 512 MB: enforced by cgroup v1 (memory.limit_in_bytes)", "MaxCpu 100 %: enforced by affinity to 1 of 2 processors (taskset)",
            "MaxDiskIo 80 Mbps: not enforced: no control groups that this user may write; only a low priority (ionice)", $"MaxNetIo 40 Mbps: not enforced: {TrafficControl.Needs}",
        ], confinement.Words.Select(w => w.ToString()));

        var life = confinement.Begin("web1.1", "worker web1.1 over its MaxRam of 512 MB");
        Assert.Null(life.DataKilobytes);
        Assert.Equal("0x18000000", life.Variables["DOTNET_GCHeapHardLimit"]);
        var read = SupervisedLife.Read(name => life.Variables.GetValueOrDefault(name));
        Assert.Equal(confinement.Words, read.Limits);
        Assert.Equal((512, "worker web1.1 over its MaxRam of 512 MB"), (read.MaxRam, read.FormerDeath));
        var plain = new Confinement(new WorkerLimits(), []).Begin("web1.1", null);
        Assert.Equal(["shop", "worker"], plain.Command("shop", ["worker"]));
        Assert.DoesNotContain(SupervisedLife.LimitsVariable, plain.Variables.Keys);
    }

    [Fact]
    public void Limits_have_ranges_and_their_text_is_read_back_whatever_else_stands_there()
    {
        Assert.Empty(All.Errors());
        Assert.Equal(["MaxRam must be between 128 and 16,777,216, got 64", "MaxCpu must be between 1 and 100,000, got 0", "MaxNetIo must be between 1 and 1,000,000, got -1"],
            new WorkerLimits { MaxRam = 64, MaxCpu = 0, MaxDiskIo = 1, MaxNetIo = -1 }.Errors());
        Assert.Equal(new WorkerLimits { MaxRam = 256, MaxCpu = 50, MaxDiskIo = 80, MaxNetIo = 40 }, All.With(new WorkerLimits { MaxRam = 256 }));
        Assert.Empty(LimitsText.Read("no"));
        Assert.Empty(LimitsText.Read("""{"name":1}"""));
        Assert.Equal(new WorkerLimitInfo("MaxRam", 512, LimitEnforcement.Full, "x"), Assert.Single(LimitsText.Read("""
            [1, { "name": "MaxRam" }, { "name": "MaxGpu", "value": 1, "enforcement": "Quantum", "by": "x" },
             { "name": "MaxRam", "value": 512, "enforcement": "Full", "by": "x", "more": true }]
            """)));
    }
}
