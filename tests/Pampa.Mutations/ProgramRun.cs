using System.Diagnostics;
using System.Globalization;

namespace Pampa.Mutations;

/// <summary>How a program that was run has ended.</summary>
/// <param name="ExitCode">Null: its time was over and it was killed.</param>
/// <param name="Said">Both streams.</param>
internal sealed record ProgramRun(int? ExitCode, string Said)
{
    private static readonly TimeSpan Farewell = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Runs a program with its output in a file: a helper that it leaves behind would inherit a pipe and keep it open.
    /// When the time is over, it is told to end and has a minute to put away what it has made; then it and all that it has started are killed.
    /// </summary>
    public static async Task<ProgramRun> EndAsync(
        string folder, string log, TimeSpan limit, IReadOnlyDictionary<string, string> environment, string[] command, CancellationToken stopping)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder };
        string[] arguments = ["-c", $"exec \"$0\" \"$@\" >'{log}' 2>&1 </dev/null", .. command];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        time.CancelAfter(limit);
        int? code = null;
        try
        {
            await process.WaitForExitAsync(time.Token);
            code = process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            using var order = Process.Start("/bin/kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await order.WaitForExitAsync(CancellationToken.None);
            var end = process.WaitForExitAsync(CancellationToken.None);
            await end.WaitAsync(Farewell, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            stopping.ThrowIfCancellationRequested();
        }
        return new ProgramRun(code, await File.ReadAllTextAsync(log, CancellationToken.None));
    }
}
