using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Tests.Hosted;

/// <summary>What the configuration says of nodes and back-offs, and what the code does.</summary>
public sealed class SettingsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-settings-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static PampaBuilder Program(Action<PampaBuilder>? more = null)
    {
        var program = new PampaBuilder();
        program.AddJob("numbers", "numbers", "value", job =>
        {
            job.Backoff = Backoff.None;
            job.Process(_ => { });
        });
        more?.Invoke(program);
        return program;
    }

    private static List<string> Apply(PampaBuilder program, params (string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"Pampa:{s.Key}", s.Value))).Build();
        var errors = new List<string>();
        Settings.Apply(configuration, program, errors);
        program.Build(errors);
        return errors;
    }

    private static IEnumerable<TimeSpan> Delays(Backoff backoff) => Enumerable.Range(1, 10).Select(backoff.DelayAfter);

    [Fact]
    public void A_backoff_is_read_and_what_it_leaves_out_is_the_default()
    {
        var program = Program();
        Assert.Empty(Apply(program, ("Jobs:numbers:Backoff:First", "00:00:01"), ("Jobs:numbers:backoff:factor", "1.5"), ("Jobs:numbers:Backoff:Max", "00:00:02")));
        Assert.Equal([1, 1.5, 2, 2], Delays(program.Jobs[0].Backoff).Take(4).Select(d => d.TotalSeconds));

        program = Program();
        Assert.Empty(Apply(program, ("Jobs:numbers:Backoff:Factor", "4")));
        Assert.Equal(Delays(Backoff.Default), Delays(program.Jobs[0].Backoff));

        program = Program();
        Assert.Empty(Apply(program, ("Jobs:numbers:Backoff:First", "00:00:00"), ("Jobs:numbers:Backoff:Max", "00:00:00")));
        Assert.Equal(Delays(Backoff.None), Delays(program.Jobs[0].Backoff));
    }

    [Theory]
    [InlineData("", "5", "Pampa:Jobs:numbers:Backoff must be a section with First, Factor or Max, got '5'.")]
    [InlineData(":First", "5", "Pampa:Jobs:numbers:Backoff:First must be a duration like 00:00:30 (hours, minutes, seconds), got '5'.")]
    [InlineData(":First", "-00:00:01", "Pampa:Jobs:numbers:Backoff:First must be at least 00:00:00, got -00:00:01.")]
    [InlineData(":First", "02:00:00", "Pampa:Jobs:numbers:Backoff:Max must be at least First, which is 02:00:00, got 01:00:00.")]
    [InlineData(":Max", "00:00:04", "Pampa:Jobs:numbers:Backoff:Max must be at least First, which is 00:00:05, got 00:00:04.")]
    [InlineData(":Factor", "0.5", "Pampa:Jobs:numbers:Backoff:Factor must be a number from 1 on, got 0.5.")]
    [InlineData(":Factor", "NaN", "Pampa:Jobs:numbers:Backoff:Factor must be a number from 1 on, got NaN.")]
    [InlineData(":Factor", "two", "Pampa:Jobs:numbers:Backoff:Factor must be a number, got 'two'.")]
    [InlineData(":Fisrt", "00:00:01", "Pampa:Jobs:numbers:Backoff:Fisrt: there is no such setting (did you mean 'First'?); settings are First, Factor, Max.")]
    public void A_backoff_that_does_not_fit_is_an_error(string key, string value, string error)
    {
        var program = Program();
        Assert.Equal([error], Apply(program, ($"Jobs:numbers:Backoff{key}", value)));
    }

    [Fact]
    public void When_records_run_again_is_read()
    {
        var program = Program();
        Assert.Empty(Apply(program, ("Jobs:numbers:RelaunchAfter", "00:10:00"), ("Jobs:numbers:RelaunchJitter", "0.25"), ("Jobs:numbers:RelaunchFailed", "true")));
        var job = program.Jobs[0];
        Assert.Equal((TimeSpan.FromMinutes(10), 0.25, true), (job.RelaunchAfter, job.RelaunchJitter, job.RelaunchFailed));
        Assert.Equal(
            ["Pampa:Jobs:numbers:RelaunchAfter must be a duration like 00:00:30 (hours, minutes, seconds), got '10'."],
            Apply(Program(), ("Jobs:numbers:RelaunchAfter", "10")));
    }

    [Theory]
    [InlineData("08:00", "2026-11-27T08:00:00Z")]
    [InlineData("08:00 Europe/Madrid", "2026-11-27T07:00:00Z")]
    [InlineData("23:59:30", "2026-11-26T23:59:30Z")]
    [InlineData("2026-12-01T08:00:00Z", "2026-12-01T08:00:00Z")]
    [InlineData("2026-12-01T08:00+01:00", "2026-12-01T07:00:00Z")]
    public void Until_when_the_work_shall_be_done_is_read(string value, string next)
    {
        var program = Program();
        Assert.Empty(Apply(program, ("Jobs:numbers:FinishBy", value), ("Jobs:numbers:MaxWait", "00:10:00"), ("Jobs:numbers:MinProgramVersion", "0.0.1")));
        var job = program.Jobs[0].Build([], needsCode: true, ProgramVersion.TryParse("1.0"))!;
        var now = new DateTimeOffset(2026, 11, 26, 18, 0, 0, TimeSpan.Zero);
        Assert.Equal(DateTimeOffset.Parse(next, System.Globalization.CultureInfo.InvariantCulture), job.FinishBy!.Next(now));
        Assert.Equal((TimeSpan.FromMinutes(10), "0.0.1"), (job.MaxWait, program.Jobs[0].MinProgramVersion));
    }

    [Theory]
    [InlineData("FinishBy", "8 o'clock", "Pampa:Jobs:numbers:FinishBy must be a time of day like 08:00 or '08:00 Europe/Madrid', or a moment with its offset like 2026-12-01T08:00:00Z, got '8 o'clock'.")]
    [InlineData("FinishBy", "2026-12-01T08:00:00", "Pampa:Jobs:numbers:FinishBy must be a time of day like 08:00 or '08:00 Europe/Madrid', or a moment with its offset like 2026-12-01T08:00:00Z, got '2026-12-01T08:00:00'.")]
    [InlineData("FinishBy", "08:00 Europe/Madird", "Pampa:Jobs:numbers:FinishBy: TimeZone must be the name of a time zone, for example Europe/Madrid or UTC, got 'Europe/Madird' (did you mean 'Europe/Madrid'?).")]
    [InlineData("MaxWait", "00:00:00.5", "Pampa:Jobs:numbers:MaxWait must be between 1 second and 45 days, got '00:00:00.5'.")]
    [InlineData("MaxWait", "60", "Pampa:Jobs:numbers:MaxWait must be a duration like 00:00:30 (hours, minutes, seconds), got '60'.")]
    [InlineData("MinProgramVersion", "new", "Pampa:Jobs:numbers:MinProgramVersion must be a version like 2.3 or 2.3.1-rc.1, got 'new'.")]
    public void A_goal_or_a_version_that_does_not_fit_is_told_with_its_path(string key, string value, string error) =>
        Assert.Equal([error], Apply(Program(), ($"Jobs:numbers:{key}", value)));

    [Fact]
    public void The_limits_of_a_nodes_workers_are_read()
    {
        var program = Program(pampa => pampa.AddNode("web1", 2, new WorkerLimits { MaxRam = 256, MaxCpu = 50 }));
        Assert.Empty(Apply(program, ("Nodes:WEB1:MaxRam", "512"), ("Nodes:web1:maxdiskio", "80"), ("Nodes:web2:MaxNetIo", "40")));
        Assert.Equal(new WorkerLimits { MaxRam = 512, MaxCpu = 50, MaxDiskIo = 80 }, program.LimitsOf("web1"));
        Assert.Equal(new WorkerLimits { MaxNetIo = 40 }, program.LimitsOf("web2"));
        Assert.Equal(
        [
            "Pampa:Nodes:web1:MaxCpu must be a whole number, got 'half'.", "Pampa:Nodes:web1:MaxRam must be between 128 and 16,777,216, got 1.",
        ], Apply(Program(), ("Nodes:web1:MaxRam", "1"), ("Nodes:web1:MaxCpu", "half")));
    }

    [Fact]
    public void A_program_without_a_host_has_them_from_its_environment()
    {
        var program = Program();
        var errors = new List<string>();
        KeyValuePair<string, string?>[] environment =
        [
            new("PAMPA__JOBS__NUMBERS__MAXWAIT", "00:10:00"), new("Pampa__Jobs__numbers__Backoff__First", "00:00:01"), new("Pampa__Nodes__web1__MaxRam", "512"),
            new("PAMPA_DATABASE_URL", "x"), new("PATH", "/bin"), new("Pampa__Jobs__numbers__Weight", "heavy"),
        ];
        Settings.Apply(environment, program, errors);
        Assert.Equal("Pampa:Jobs:NUMBERS:Weight must be a whole number, got 'heavy'.", Assert.Single(errors));
        var job = program.Jobs[0];
        Assert.Equal((TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1)), (job.MaxWait, job.Backoff.DelayAfter(1)));
        Assert.Equal(512, program.LimitsOf(program.NodeNames.Single())?.MaxRam);
    }

    [Fact]
    public void The_nodes_name_and_the_workers_of_nodes_are_read()
    {
        var program = Program(pampa =>
        {
            pampa.NodeName = "web7";
            pampa.AddNode("web1", 2);
            pampa.AddNode("web2", 2);
        });
        Assert.Empty(Apply(program, ("nodename", "web1"), ("Nodes:WEB1:Workers", "5"), ("Nodes:web3:workers", "6"), ("Nodes:web4", "")));
        Assert.Equal("web1", program.NodeName);
        Assert.Equal(["web1", "web2", "web3", "web4"], program.NodeNames);
        Assert.Equal([5, 2, 6, null], program.NodeNames.Select(program.WorkersOf));
    }

    [Fact]
    public void Nodes_that_do_not_fit_are_errors()
    {
        var program = Program(pampa =>
        {
            pampa.NodeName = "-";
            pampa.AddNode("web 1");
            pampa.AddNode("web2", 0);
            pampa.AddNode("web3", 1_001);
            pampa.AddNode("web4");
            pampa.AddNode("web4", 3);
        });
        Assert.Equal(
        [
            "Pampa:Nodes:web5:Workers must be a whole number, got 'x'.",
            "Pampa:Nodes:web6:Wokers: there is no such setting (did you mean 'Workers'?); settings are Workers, MaxRam, MaxCpu, MaxDiskIo, MaxNetIo.",
            "NodeName must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit, got '-'.",
            "Node 'web 1': the name must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit.",
            "Node 'web2': workers must be between 1 and 1,000, got 0.",
            "Node 'web3': workers must be between 1 and 1,000, got 1001.",
            "Node 'web4' is added 2 times; names must differ.",
        ], Apply(program, ("Nodes:web5:Workers", "x"), ("Nodes:web6:Wokers", "3")));
        Assert.Throws<ArgumentNullException>(() => program.AddNode(null!));
        Assert.Contains("NodeName must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit, got ''.", Apply(Program(), ("NodeName", "")));
    }

    [Fact]
    public void A_nodes_name_is_fixed_and_goes_behind_that_of_the_command_line()
    {
        var program = new PampaBuilder { NodeName = "web1" };
        var node = ProcessRole.All.In(program).Node;
        Assert.Equal(("web1", true), (node.Name, node.IsFixed));
        Assert.Equal(("web1", true), (ProcessRole.OfNode(null).In(program).Node.Name, ProcessRole.OfNode(null).In(program).Node.IsFixed));
        Assert.Equal("web2", ProcessRole.OfNode("web2").In(program).Node.Name);
        Assert.Equal("w.1", ProcessRole.OfWorker("w.1").In(program).Node.Name);
        Assert.Equal("dispatcher", ProcessRole.Dispatcher.In(program).Node.Name);
        Assert.Equal(("local", false), (ProcessRole.All.In(new PampaBuilder()).Node.Name, ProcessRole.All.In(new PampaBuilder()).Node.IsFixed));
    }

    [Theory]
    [InlineData("web1", null, 3)]
    [InlineData("web1", 2, 2)]
    [InlineData("web2", null, 7)]
    [InlineData("web9", null, 7)]
    public async Task The_workers_are_those_asked_for_else_those_declared_else_the_programs(string name, int? asked, int expected)
    {
        var program = Program(pampa =>
        {
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY)");
            pampa.Workers = 7;
            pampa.AddNode("web1", 3);
            pampa.AddNode("web2");
        });
        await using var engine = await Engine.PrepareAsync(
            program, DatabaseAddress.SqliteFile(Path.Combine(folder, "test.db")), ProcessRole.OfNode(name) with { Workers = asked },
            new Surroundings(NullLoggerFactory.Instance, TimeProvider.System, new Random(1)), TestContext.Current.CancellationToken);
        Assert.Equal(expected, engine.Node.Workers.Count);
    }
}
