using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Pampa.Tests.EndToEnd;

/// <summary>A process that a test has started: what it says, and how it ends.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly Process process;
    private readonly StringBuilder said = new();

    private Child(Process process) => this.process = process;

    public static Child Start(string program, string folder, IEnumerable<string> arguments, IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        Clean(start);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var process = new Process { StartInfo = start };
        var child = new Child(process);
        process.OutputDataReceived += (_, line) => child.Hear(line.Data);
        process.ErrorDataReceived += (_, line) => child.Hear(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Takes out what the test runner's own environment would change.</summary>
    public static void Clean(ProcessStartInfo start)
    {
        var own = start.Environment.Keys.Where(name =>
            name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("PAMPA_", StringComparison.Ordinal)).ToList();
        foreach (var name in own) start.Environment.Remove(name);
    }

    private void Hear(string? line)
    {
        lock (said) said.AppendLine(line);
    }

    /// <summary>Everything that was said, on both streams.</summary>
    public string Said
    {
        get
        {
            lock (said) return said.ToString();
        }
    }

    public bool HasExited => process.HasExited;

    /// <summary>Waits for the end and returns the exit code.</summary>
    public Task<int> EndAsync() => EndAsync(Patience);

    /// <summary>The same of one that takes its time.</summary>
    public async Task<int> EndAsync(TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"The process did not end within {patience}: {Said}");
        }
        return process.ExitCode;
    }

    /// <summary>As <c>kill -9</c>; returns when it is gone.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync().WaitAsync(Patience);
    }

    public void Terminate() => Send("-TERM");

    /// <summary>As a terminal does with CTRL+C.</summary>
    public void Interrupt() => Send("-INT");

    private void Send(string signal)
    {
        using var kill = Process.Start("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits until the process has said something.</summary>
    public Task HearAsync(string text) => UntilAsync(() => Task.FromResult(Said.Contains(text, StringComparison.Ordinal)), text);

    /// <summary>Waits until something has come to pass while the process runs.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, $"It has not come to this: {what}. The process said: {Said}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) await KillAsync();
        process.Dispose();
    }
}
