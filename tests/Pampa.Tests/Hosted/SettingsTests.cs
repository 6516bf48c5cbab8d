using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Pampa.Hosting;
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
            "Pampa:Nodes:web6:Wokers: there is no such setting (did you mean 'Workers'?); settings are Workers.",
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
