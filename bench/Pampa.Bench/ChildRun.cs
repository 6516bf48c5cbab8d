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
    public const string AddressVariable = "PAMPA_DATABASE_URL";

    /// <summary>Prepares the table, or works on it as the product or as the raw limit.</summary>
    public static async Task<int> ActAsync(string what, string job, int size, string answerFile, string[] arguments)
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
        else code = await workload.RunProductAsync(arguments.Length > 0 ? arguments : ["--drain"]);
        var used = Environment.CpuUsage.TotalTime - cpu;
        var use = new ClientUse(used.TotalSeconds, GC.GetTotalAllocatedBytes() - allocated, memory.Read());
        await File.WriteAllTextAsync(answerFile, JsonSerializer.Serialize(use));
        return code;
    }
}
