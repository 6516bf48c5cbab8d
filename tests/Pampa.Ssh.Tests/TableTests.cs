using Pampa.Ssh.Commands;
using Spectre.Console;

namespace Pampa.Ssh.Tests;

/// <summary>What is shown of many nodes at the same time.</summary>
public sealed class TableTests
{
    private static readonly SshNode[] Nodes = [new("web1", "192.0.2.1"), new("web2", "192.0.2.2")];

    private static IAnsiConsole Terminal(TextWriter writer) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = AnsiSupport.Yes,
        ColorSystem = ColorSystemSupport.NoColors,
        Interactive = InteractionSupport.Yes,
        Out = new AnsiConsoleOutput(writer),
    });

    [Fact]
    public async Task A_terminal_has_a_table_and_what_is_told_meanwhile_below_it()
    {
        using var drawn = new StringWriter();
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var table = new ProgressTable(Nodes, output, errors, Terminal(drawn));
        table.Row(Nodes[0]).Say("delivering");
        table.Row(Nodes[0]).Advance(0.4);
        table.Row(Nodes[1]).Fail("it cannot be reached");
        table.Tell("Stopping; a second signal ends the program at once.");
        Assert.Equal("", errors.ToString());
        await table.DisposeAsync();
        var last = drawn.ToString()[drawn.ToString().LastIndexOf("address", StringComparison.Ordinal)..];
        Assert.Contains("delivering 40 %", last, StringComparison.Ordinal);
        Assert.Contains("failed", last, StringComparison.Ordinal);
        Assert.DoesNotContain("Stopping", last, StringComparison.Ordinal);
        Assert.Equal("", output.ToString());
        // And when that is over it is told to whoever keeps what is told.
        table.Tell("later");
        Assert.Equal(["Stopping; a second signal ends the program at once.", "later"], errors.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        await table.DisposeAsync();
    }

    [Fact]
    public async Task Elsewhere_each_step_is_a_line_and_a_share_is_none()
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        await using var table = new ProgressTable(Nodes, output, errors, live: null);
        table.Row(Nodes[0]).Say("delivering");
        table.Row(Nodes[0]).Advance(0.4);
        table.Row(Nodes[1]).Fail("it cannot be reached");
        table.Tell("a key was remembered");
        Assert.Equal(["web1: delivering", "web2: failed"], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("a key was remembered", errors.ToString().Trim());
    }

    [Fact]
    public async Task A_verb_that_draws_takes_what_is_told_meanwhile()
    {
        var lines = new List<string>();
        var (code, said) = await Servers.SshWorld.RunAsync(pampa => pampa.AddVerb(context =>
        {
            var verb = new VerbCommand("draw", "Draws.");
            verb.SetAction((_, _) => context.RunAsync(async _ =>
            {
                using (context.TakeErrors(lines.Add)) await context.Errors.WriteLineAsync("while it draws");
                await context.Errors.WriteLineAsync("after it");
                return 0;
            }));
            return verb;
        }), "draw");
        Assert.Equal((0, "after it"), (code, said.Trim()));
        Assert.Equal(["while it draws"], lines);
    }
}
