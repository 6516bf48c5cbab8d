using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Pampa.Servers;

namespace Pampa.Bench;

/// <summary>A process that the bench has started: it ends by itself, when it is told to, or with this.</summary>
internal sealed class BenchProcess : IAsyncDisposable
{
    private const double Megabyte = 1024 * 1024;
    private static readonly TimeSpan StartTime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StopTime = TimeSpan.FromMinutes(1);
    private readonly Process process;
    private readonly Channel<string> lines = Channel.CreateUnbounded<string>();
    private readonly Task<string> output;
    private readonly Task<string> errors;

    public BenchProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        process = Process.Start(start)!;
        output = ReadAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Runs one to its end and returns what it printed.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public static async Task<string> RunAsync(ProcessStartInfo start, CancellationToken stopping)
    {
        await using var process = new BenchProcess(start);
        await process.EndAsync(stopping);
        return await process.output;
    }

    /// <summary>The next line of its output that begins like this.</summary>
    /// <exception cref="RunFailedException">It has ended, or does not print one in time.</exception>
    public async Task<string> LineAsync(string begin, CancellationToken stopping)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(StartTime);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(deadline.Token))
            {
                if (line.StartsWith(begin, StringComparison.Ordinal)) return line;
            }
            await process.WaitForExitAsync(deadline.Token);
            throw await FailureAsync();
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            throw new RunFailedException($"a process has not printed '{begin}' within {StartTime}");
        }
    }

    private async Task<string> ReadAsync()
    {
        var text = new StringBuilder();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            lines.Writer.TryWrite(line);
        }
        lines.Writer.Complete();
        return text.ToString();
    }

    /// <summary>Processor time of all its threads since it was started, as the kernel counts it: in any language the same.</summary>
    public double CpuSeconds
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>Its working set in MB.</summary>
    public double WorkingSet
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64 / Megabyte;
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public async Task EndAsync(CancellationToken stopping)
    {
        await process.WaitForExitAsync(stopping);
        if (process.ExitCode != 0) throw await FailureAsync();
    }

    /// <summary>Asks it to stop in good order and waits until it has.</summary>
    /// <exception cref="RunFailedException">It has ended already, or does not end in time, or not well.</exception>
    public async Task StopAsync(CancellationToken stopping)
    {
        await CheckAsync();
        await Tool.RunAsync("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(StopTime);
        try
        {
            await EndAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            throw new RunFailedException($"a process did not stop within {StopTime}");
        }
    }

    /// <summary>Makes sure that it is at work.</summary>
    /// <exception cref="RunFailedException">It has ended.</exception>
    public async Task CheckAsync()
    {
        if (process.HasExited) throw await FailureAsync();
    }

    private async Task<RunFailedException> FailureAsync() =>
        new($"the run ended with {process.ExitCode}:\n{await output}{await errors}");

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}

/// <summary>A run that did not do what it had to: nothing is said of its speed.</summary>
internal sealed class RunFailedException(string message) : Exception(message);
