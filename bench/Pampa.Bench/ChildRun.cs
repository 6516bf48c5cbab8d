using System.Globalization;
using System.Text.Json;
using Pampa.Bench.Comparing;

namespace Pampa.Bench;

/// <summary>
/// One run in a process of its own, so that its memory and its processor time are its own. The parent gives the
/// database by the environment and gets the answer as a file; both sides of that belong to each other across builds.
/// </summary>
internal static class ChildRun
{
    public const string Verb = "child";
    public const string AddressVariable = "PAMPA_DATABASE_URL";

    /// <summary>Prepares the table, or works on it as the product or as the raw limit.</summary>
    public static async Task<int> ActAsync(string what, string job, int size, string answerFile, string[] arguments)
    {
        var workload = Workload.Parse(job);
        var address = Environment.GetEnvironmentVariable(AddressVariable)
            ?? throw new ArgumentException($"{AddressVariable} is not set");
        var cpu = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        // Who wants no answer looks at this process from outside.
        using var memory = answerFile.Length > 0 ? new MemorySampler(TimeProvider.System) : null;
        var code = 0;
        using (var progress = Progress.FromEnvironment())
        {
            if (what.StartsWith("raw", StringComparison.Ordinal))
            {
                using var stop = new StopSignal();
                var connections = int.Parse(what["raw".Length..], CultureInfo.InvariantCulture);
                await RawLimit.For(workload, address).RunAsync(size, connections, progress, stop.Token);
            }
            else if (PeerWork.For(what, address, workload) is { } peer)
            {
                using var stop = new StopSignal();
                await peer.RunAsync(size, progress, stop.Token);
            }
            else code = await workload.RunProductAsync(arguments.Length > 0 ? arguments : ["--drain"], progress);
        }
        if (memory is null) return code;
        var used = Environment.CpuUsage.TotalTime - cpu;
        var use = new ClientUse(used.TotalSeconds, GC.GetTotalAllocatedBytes() - allocated, memory.Read());
        await File.WriteAllTextAsync(answerFile, JsonSerializer.Serialize(use));
        return code;
    }
}
