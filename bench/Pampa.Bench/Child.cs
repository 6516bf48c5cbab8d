using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Pampa.Bench;

/// <summary>This program, or another build of it, once more, as a process that says at its end what it used.</summary>
internal sealed class Child : IAsyncDisposable
{
    private readonly string answerFile = Path.GetTempFileName();
    private readonly BenchProcess process;

    private Child(ChildOrder order) => process = new BenchProcess(StartInfo(order, answerFile));

    public static Child Start(ChildOrder order, params string[] arguments) => new(order with { Arguments = arguments });

    /// <summary>Runs a child that ends by itself.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public static async Task<ClientUse> RunAsync(ChildOrder order, CancellationToken stopping)
    {
        await using var child = new Child(order);
        return await child.EndAsync(stopping);
    }

    /// <summary>How it is started; it writes what it used into a file, or, without one, nowhere.</summary>
    public static ProcessStartInfo StartInfo(ChildOrder order, string answerFile = "")
    {
        var isAssembly = order.Program.EndsWith(".dll", StringComparison.Ordinal);
        var start = new ProcessStartInfo(isAssembly ? "dotnet" : order.Program);
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
    public double CpuSeconds => process.CpuSeconds;

    /// <summary>Its working set in MB.</summary>
    public double WorkingSet => process.WorkingSet;

    /// <summary>Waits for the end and returns what it used.</summary>
    /// <exception cref="RunFailedException">It did not end well.</exception>
    public async Task<ClientUse> EndAsync(CancellationToken stopping)
    {
        await process.EndAsync(stopping);
        return await AnswerAsync(stopping);
    }

    /// <summary>Asks it to stop in good order and waits until it has.</summary>
    public async Task<ClientUse> StopAsync(CancellationToken stopping)
    {
        await process.StopAsync(stopping);
        return await AnswerAsync(stopping);
    }

    /// <summary>Makes sure that it is at work.</summary>
    /// <exception cref="RunFailedException">It has ended.</exception>
    public Task CheckAsync() => process.CheckAsync();

    private async Task<ClientUse> AnswerAsync(CancellationToken stopping) =>
        JsonSerializer.Deserialize<ClientUse>(await File.ReadAllTextAsync(answerFile, stopping))
            ?? throw new RunFailedException("the run gave no answer");

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        File.Delete(answerFile);
    }
}
