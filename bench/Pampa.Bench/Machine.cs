using System.Diagnostics;
using System.Reflection;
using System.Runtime;
using System.Runtime.InteropServices;

namespace Pampa.Bench;

/// <summary>Without these, a figure means nothing.</summary>
internal static class Machine
{
    public static string Describe() => string.Join(", ",
        $"{Environment.ProcessorCount} cores", Processor(), RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription, GCSettingsText());

    /// <summary>How busy the machine was in the last minute; what is measured here counts too.</summary>
    public static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "-";

    /// <summary>The commit that was built.</summary>
    public static string Commit()
    {
        var attribute = typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        var version = attribute?.InformationalVersion ?? "";
        var plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? version : version[(plus + 1)..Math.Min(version.Length, plus + 8)];
    }

    private static string GCSettingsText() =>
        $"{(GCSettings.IsServerGC ? "server" : "workstation")} GC, {(IsOptimised() ? "Release" : "DEBUG BUILD")}";

    // Figures of a debug build would be wrong by a factor.
    private static bool IsOptimised() =>
        typeof(PampaApp).Assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled != true;

    private static string Processor()
    {
        const string file = "/proc/cpuinfo";
        var lines = File.Exists(file) ? File.ReadLines(file) : [];
        var line = lines.FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
