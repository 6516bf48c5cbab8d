using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Pampa.Bench;

/// <summary>
/// One run in a process of its own, so that its memory and its processor time are its own. The parent gives the
/// database by the environment and gets the answer as a file; both sides of that belong to each other across builds.
/// </summary>
internal static class ChildRun
{
    public const string Verb = "child";
    private const string AddressVariable = "PAMPA_DATABASE_URL";

    /// <summary>In the child: prepares the table, or works on it as the product or as the raw limit.</summary>
    public static async Task<int> ActAsync(string what, string job, int size, string answerFile)
    {
        var workload = Workload.Parse(job);
        var address = Environment.GetEnvironmentVariable(AddressVariable)
            ?? throw new ArgumentException($"{AddressVariable} is not set");
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        using var memory = new MemorySampler(TimeProvider.System);
        var code = 0;
        if (what.StartsWith("raw", StringComparison.Ordinal))
        {
            var connections = int.Parse(what["raw".Length..], CultureInfo.InvariantCulture);
            await RawLimit.For(workload, address).RunAsync(size, connections);
        }
        else code = await workload.RunProductAsync();
        var used = Environment.CpuUsage.TotalTime - cpu;
        var use = new ClientUse(used.TotalSeconds, GC.GetTotalAllocatedBytes() - allocated, memory.Read());
        await File.WriteAllTextAsync(answerFile, JsonSerializer.Serialize(use));
        return code;
    }

    /// <summary>In the parent: starts a child of a build and waits for its answer.</summary>
    public static async Task<ClientUse> StartAsync(
        string program, string what, Workload workload, int size, string address, CancellationToken stopping)
    {
        var answerFile = Path.GetTempFileName();
        try
        {
            var isAssembly = program.EndsWith(".dll", StringComparison.Ordinal);
            var start = new ProcessStartInfo(isAssembly ? "dotnet" : program)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            if (isAssembly) start.ArgumentList.Add(program);
            string[] arguments = [Verb, what, workload.Name, size.ToString(CultureInfo.InvariantCulture), answerFile];
            foreach (var argument in arguments)
                start.ArgumentList.Add(argument);
            start.Environment[AddressVariable] = address;
            using var child = Process.Start(start)!;
            var output = child.StandardOutput.ReadToEndAsync(stopping);
            var errors = child.StandardError.ReadToEndAsync(stopping);
            try
            {
                await child.WaitForExitAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                child.Kill();
                throw;
            }
            if (child.ExitCode != 0)
                throw new RunFailedException($"the run ended with {child.ExitCode}:\n{await output}{await errors}");
            return JsonSerializer.Deserialize<ClientUse>(await File.ReadAllTextAsync(answerFile, stopping))
                ?? throw new RunFailedException("the run gave no answer");
        }
        finally
        {
            File.Delete(answerFile);
        }
    }

    /// <summary>This very program, as the parent can start it.</summary>
    public static string OwnProgram => Environment.ProcessPath is { } path
        && !Path.GetFileNameWithoutExtension(path).Equals("dotnet", StringComparison.Ordinal)
            ? path
            : typeof(ChildRun).Assembly.Location;
}

/// <summary>A run that did not do what it had to: nothing is said of its speed.</summary>
internal sealed class RunFailedException(string message) : Exception(message);
