using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Pampa.Servers;

namespace Pampa.Bench;

/// <summary>A process that the bench has started: it ends by itself, when it is told to, or with this.</summary>
internal sealed class Child : IAsyncDisposable
{
    private const double Megabyte = 1024 * 1024;
    private static readonly TimeSpan StopTime = TimeSpan.FromMinutes(1);
    private readonly string answerFile = Path.GetTempFileName();
    private readonly Process process;
    private readonly Task<string> output;
    private readonly Task<string> errors;

    private Child(ChildOrder order)
    {
        process = Process.Start(Start(order))!;
        output = process.StandardOutput.ReadToEndAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    public static Child Start(ChildOrder order, params string[] arguments) => new(order with { Arguments = arguments });

    /// <summary>Runs a child that ends by itself.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public static async Task<ClientUse> RunAsync(ChildOrder order, CancellationToken stopping)
    {
        await using var child = new Child(order);
        return await child.EndAsync(stopping);
    }

    private ProcessStartInfo Start(ChildOrder order)
    {
        var isAssembly = order.Program.EndsWith(".dll", StringComparison.Ordinal);
        var start = new ProcessStartInfo(isAssembly ? "dotnet" : order.Program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (isAssembly) start.ArgumentList.Add(order.Program);
        string[] arguments =
        [
            ChildRun.Verb, order.What, order.Workload.Name, order.Size.ToString(CultureInfo.InvariantCulture), answerFile,
            .. order.Arguments,
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment[ChildRun.AddressVariable] = order.Address;
        start.Environment[Workload.WakeVariable] = order.Wakes ? "1" : null;
        return start;
    }

    /// <summary>Processor time since it was started.</summary>
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

    /// <summary>Waits for the end and returns what it used.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public async Task<ClientUse> EndAsync(CancellationToken stopping)
    {
        await process.WaitForExitAsync(stopping);
        if (process.ExitCode != 0) throw await FailureAsync();
        return JsonSerializer.Deserialize<ClientUse>(await File.ReadAllTextAsync(answerFile, stopping))
            ?? throw new RunFailedException("the run gave no answer");
    }

    /// <summary>Asks it to stop in good order and waits until it has.</summary>
    public async Task<ClientUse> StopAsync(CancellationToken stopping)
    {
        await CheckAsync();
        await Tool.RunAsync("kill", "-TERM", process.Id.ToString(CultureInfo.InvariantCulture));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(StopTime);
        try
        {
            return await EndAsync(deadline.Token);
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
        File.Delete(answerFile);
    }
}

/// <summary>A run that did not do what it had to: nothing is said of its speed.</summary>
internal sealed class RunFailedException(string message) : Exception(message);
