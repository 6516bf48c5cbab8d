using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Pampa.Ssh.Commands;

/// <summary>What is done with many nodes at the same time: a table that stays in its place on a terminal, else a line for each step.</summary>
internal sealed class ProgressTable : IAsyncDisposable
{
    private const int ShownLines = 3;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(150);
    private readonly TextWriter output;
    private readonly TextWriter errors;
    private readonly IAnsiConsole? live;
    private readonly Lock gate = new();
    private readonly List<NodeRow> rows;
    private readonly List<string> told = [];
    private readonly CancellationTokenSource ended = new();
    private readonly Task drawing;
    private readonly IDisposable? taken;
    private bool isEnded;
    private bool isOver;

    public ProgressTable(IEnumerable<SshNode> nodes, VerbContext context)
        : this(nodes, context.Output, context.Errors, context.IsLive ? AnsiConsole.Console : null)
    {
        // Whatever is said meanwhile would tear it.
        if (live is not null) taken = context.TakeErrors(Tell);
    }

    /// <param name="nodes">The nodes.</param>
    /// <param name="output">For the lines of steps.</param>
    /// <param name="errors">For what else is told.</param>
    /// <param name="live">Where the table is drawn; null: nowhere.</param>
    internal ProgressTable(IEnumerable<SshNode> nodes, TextWriter output, TextWriter errors, IAnsiConsole? live)
    {
        (this.output, this.errors, this.live) = (output, errors, live);
        rows = [.. nodes.Select(node => new NodeRow(node.Name, Connecting.SshFailure.Address(node), Step))];
        drawing = live is null ? Task.CompletedTask : Task.Run(() => DrawAsync(live));
    }

    public NodeRow Row(SshNode node) => rows.Find(row => row.Name == node.Name)!;

    /// <summary>Tells a line that is no step of a node. While the table is drawn it stands below it, and is written when that is over.</summary>
    public void Tell(string line)
    {
        lock (gate)
        {
            if (live is null || isOver) errors.WriteLine(line);
            else told.Add(line);
        }
    }

    private void Step(NodeRow row)
    {
        if (live is not null) return;
        // What went wrong stands at the end, among the errors.
        lock (gate) output.WriteLine(VerbContext.Spell($"{row.Name}: {row.Step}"));
    }

    private Task DrawAsync(IAnsiConsole console) => console.Live(Draw()).StartAsync(async display =>
    {
        while (!ended.IsCancellationRequested)
        {
            display.UpdateTarget(Draw());
            await Task.Delay(Interval, TimeProvider.System, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        display.UpdateTarget(DrawRows());
    });

    private Rows Draw()
    {
        lock (gate) return new Rows([DrawRows(), .. told.TakeLast(ShownLines).Select(line => (IRenderable)new Text(VerbContext.Spell(line)))]);
    }

    private Table DrawRows()
    {
        var table = new Table().NoBorder().AddColumns("node", "address", "");
        foreach (var row in rows)
        {
            var style = row.Failure is not null ? new Style(Color.Red) : row.IsDone ? new Style(Color.Green) : Style.Plain;
            var share = row.Share is { } part ? $" {part.ToString("P0", CultureInfo.InvariantCulture)}" : "";
            table.AddRow(new Text(row.Name), new Text(row.Address), new Text(VerbContext.Spell($"{row.Step}{share}"), style));
        }
        return table;
    }

    /// <summary>Nothing more is drawn; what is written from now on stands below.</summary>
    public async ValueTask DisposeAsync()
    {
        if (isEnded) return;
        isEnded = true;
        await ended.CancelAsync();
        await drawing;
        ended.Dispose();
        taken?.Dispose();
        lock (gate)
        {
            isOver = true;
            foreach (var line in told) errors.WriteLine(line);
            told.Clear();
        }
    }
}
