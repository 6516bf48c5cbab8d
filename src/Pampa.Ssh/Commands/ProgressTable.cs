using System.Globalization;
using Spectre.Console;

namespace Pampa.Ssh.Commands;

/// <summary>What is done with many nodes at the same time: a table that stays in its place on a terminal, else a line for each step.</summary>
internal sealed class ProgressTable : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(150);
    private readonly TextWriter output;
    private readonly Lock gate = new();
    private readonly List<NodeRow> rows;
    private readonly CancellationTokenSource ended = new();
    private readonly Task drawing;
    private readonly bool isLive;
    private bool isEnded;

    public ProgressTable(IEnumerable<SshNode> nodes, VerbContext context)
    {
        (output, isLive) = (context.Output, context.IsLive);
        rows = [.. nodes.Select(node => new NodeRow(node.Name, Connecting.SshFailure.Address(node), Tell))];
        drawing = isLive ? Task.Run(DrawAsync) : Task.CompletedTask;
    }

    public NodeRow Row(SshNode node) => rows.Find(row => row.Name == node.Name)!;

    private void Tell(NodeRow row)
    {
        if (isLive) return;
        // What went wrong stands at the end, among the errors.
        lock (gate) output.WriteLine(VerbContext.Spell($"{row.Name}: {row.Step}"));
    }

    private Task DrawAsync() => AnsiConsole.Live(Draw()).StartAsync(async live =>
    {
        while (!ended.IsCancellationRequested)
        {
            live.UpdateTarget(Draw());
            await Task.Delay(Interval, TimeProvider.System, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        live.UpdateTarget(Draw());
    });

    private Table Draw()
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
    }
}
