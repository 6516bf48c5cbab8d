using System.Data.Common;

namespace Pampa.Commands;

/// <summary>
/// Shows a page again and again: on a terminal in one place, else one after the other. It outlives an outage of the database.
/// </summary>
/// <param name="linesAsync">The page's lines, for a terminal of that width, or for whatever reads them.</param>
/// <param name="output">Where it is shown.</param>
/// <param name="isTerminal">Whether that is a terminal.</param>
internal sealed class LiveWatch(Func<int?, CancellationToken, Task<IReadOnlyList<string>>> linesAsync, TextWriter output, bool isTerminal)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private readonly LiveRegion region = new();

    public async Task RunAsync(CancellationToken stopping)
    {
        // Else CTRL+C would end the process before the cursor is seen again.
        using var signals = new Signals(_ => { });
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, signals.Stopping);
        try
        {
            while (!either.IsCancellationRequested)
            {
                await ShowAsync(await LinesAsync(either.Token));
                await Task.Delay(Every, TimeProvider.System, either.Token);
            }
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // Whoever watches has seen enough.
        }
        finally
        {
            // What was seen last stays; only the cursor comes back.
            if (region.IsOpen) await output.WriteAsync("\e[?25h\n");
            await output.FlushAsync(CancellationToken.None);
        }
    }

    private async Task<IReadOnlyList<string>> LinesAsync(CancellationToken stopping)
    {
        var now = TimeProvider.System.GetLocalNow().ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
        try
        {
            return [now, .. await linesAsync(isTerminal ? Terminal.Size().Width - 1 : null, stopping)];
        }
        catch (Exception e) when (e is DbException or TimeoutException or IOException)
        {
            return [now, $"The database does not answer: {e.Message.ReplaceLineEndings(" ")}"];
        }
    }

    private async Task ShowAsync(IReadOnlyList<string> lines)
    {
        if (!isTerminal)
        {
            foreach (var line in lines) await output.WriteLineAsync(line);
            return;
        }
        var (width, height) = Terminal.Size();
        await output.WriteAsync(region.Update([], Fitting(lines, width, height), width));
        await output.FlushAsync(CancellationToken.None);
    }

    /// <summary>What there is room for: what does not fit would scroll, and be seen twice.</summary>
    internal static IReadOnlyList<LiveLine> Fitting(IReadOnlyList<string> lines, int width, int height) =>
    [
        .. lines.Take(Math.Max(1, height - 1)).Select(line => CellText.Cut(Printable.Line(line), width - 1))
            .Select(line => new LiveLine(line, CellText.Width(line))),
    ];
}
