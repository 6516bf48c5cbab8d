using System.CommandLine;
using System.Reflection;
using System.Text;
using Microsoft.Extensions.Logging;
using Pampa.Commands;
using Pampa.Hosting;
using PublicApiGenerator;

namespace Pampa.Tests.Approvals;

/// <summary>What users see of Pampa besides its behaviour: names, options, events.</summary>
public sealed class ApprovalTests
{
    private static readonly Assembly Product = typeof(PampaApp).Assembly;

    [Fact]
    public void The_public_api_is_as_approved() =>
        // Attributes of an assembly tell how it was built, not what it offers.
        Approved.Check("PublicApi", Product.GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }));

    [Fact]
    public void The_public_api_for_Entity_Framework_is_as_approved() =>
        Approved.Check("PublicApi.EntityFrameworkCore", typeof(PampaEntityFramework).Assembly.GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }));

    [Fact]
    public void The_help_of_every_verb_is_as_approved()
    {
        var help = new StringBuilder();
        Describe(CommandLine.Create(_ => { }, TextWriter.Null, TextWriter.Null), []);
        Approved.Check("Help", help.ToString());

        void Describe(Command command, IReadOnlyList<string> path)
        {
            using var output = new StringWriter();
            var root = CommandLine.Create(_ => { }, output, output);
            Assert.Equal(0, root.Parse([.. path, "--help"]).Invoke(new InvocationConfiguration { Output = output, Error = output }));
            // The program that runs is the test's own.
            var text = output.ToString().Replace(root.Name, "PROGRAM", StringComparison.Ordinal);
            help.AppendJoin(' ', ["====", "PROGRAM", .. path, "--help"]).Append("\n\n").Append(text.Trim()).Append("\n\n");
            foreach (var verb in command.Subcommands) Describe(verb, [.. path, verb.Name]);
        }
    }

    [Fact]
    public void The_help_of_a_stand_alone_process_is_as_approved()
    {
        using var output = new StringWriter();
        var process = new StandAlone(new StandAloneOptions { Name = "mirror" }, (_, _) => Task.CompletedTask);
        var root = StandAloneCommand.Create(process, _ => throw new InvalidOperationException("it ran"));
        Assert.Equal(0, root.Parse(["--help"]).Invoke(new InvocationConfiguration { Output = output, Error = output }));
        Approved.Check("Help.StandAlone", output.ToString().Replace(root.Name, "PROGRAM", StringComparison.Ordinal));
    }

    private const BindingFlags All =
        BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static List<(LoggerMessageAttribute Event, MethodInfo Method)> Events { get; } =
    [
        .. from type in Product.GetTypes()
           from method in type.GetMethods(All)
           let attribute = method.GetCustomAttribute<LoggerMessageAttribute>()
           where attribute is not null
           orderby attribute.EventId
           select (attribute, method),
    ];

    [Fact]
    public void The_events_of_the_log_are_as_approved() =>
        Approved.Check("LogEvents", string.Join('\n', Events.Select(e =>
            $"{e.Event.EventId} {e.Event.Level} {e.Event.EventName ?? e.Method.Name}: {e.Event.Message}")));

    [Fact]
    public void No_two_events_of_the_log_share_an_id() =>
        Assert.Empty(Events.GroupBy(e => e.Event.EventId).Where(g => g.Count() > 1)
            .Select(g => $"{g.Key}: {string.Join(", ", g.Select(e => $"{e.Method.DeclaringType}.{e.Method.Name}"))}"));

    [Fact]
    public void A_difference_is_told_by_its_line()
    {
        Assert.Equal("line 2:\n  approved: b\n  received: c", Approved.FirstDifference("a\nb\n", "a\nc\n"));
        Assert.Equal("line 2:\n  approved: (the end)\n  received: b", Approved.FirstDifference("a", "a\nb"));
    }
}
