using System.Diagnostics;
using System.Globalization;

namespace Pampa.Storage;

/// <summary>
/// Which process this is, on which host, so that another process of the same host can tell for certain that it is dead:
/// machine, boot and pid namespace (a container has its own), the pid, and when it began (pids are used again).
/// </summary>
internal static class ProcessIdentity
{
    private static readonly Lazy<string?> Host = new(ReadHost);

    /// <summary>This process. Where the host cannot be told, an identity that is never found dead.</summary>
    public static string Current { get; } = Host.Value is { } host && Begun(ReadStat, Environment.ProcessId) is { } start
        ? $"{host}/{Environment.ProcessId}/{start}"
        : $"{Environment.MachineName}?/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>Which program this process runs, and in which version.</summary>
    public static string Program { get; } = System.Reflection.Assembly.GetEntryAssembly()?.GetName() is { } name ? $"{name.Name} {name.Version}" : "";

    /// <summary>Whether the process ran on this very host and is gone. False means: not known.</summary>
    public static bool IsDead(string identity) => IsDead(identity, ReadStat);

    /// <summary>The same with what tells of a process by its id, as <c>/proc/ID/stat</c> does.</summary>
    public static bool IsDead(string identity, Func<int, string> readStat)
    {
        if (Host.Value is not { } host || !identity.StartsWith(host + "/", StringComparison.Ordinal)) return false;
        var parts = identity[(host.Length + 1)..].Split('/');
        if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) return false;
        // Nothing to read proves nothing: others' processes may be hidden from us, or no file can be opened just now.
        return Begun(readStat, pid) is { } begun ? begun != parts[1] : !IsThere(pid);
    }

    /// <summary>Whether it is another process of this very host that lives. False means: not known.</summary>
    public static bool IsOtherHere(string identity) => identity != Current && Host.Value is { } host
        && identity.StartsWith(host + "/", StringComparison.Ordinal) && !IsDead(identity);

    /// <summary>For people: which process it is, if it is one of this host.</summary>
    public static string Describe(string identity) => Host.Value is { } host && identity.StartsWith(host + "/", StringComparison.Ordinal)
        ? $"process {identity[(host.Length + 1)..].Split('/')[0]} of this computer"
        : "a process of another computer or container";

    private static string? ReadHost()
    {
        try
        {
            var machine = File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : Environment.MachineName;
            var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            var pidNamespace = new FileInfo("/proc/self/ns/pid").LinkTarget;
            return pidNamespace is null ? null : $"{machine}/{boot}/{pidNamespace}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string ReadStat(int pid) => File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");

    // The start in clock ticks since boot: field 22 of the line, counted after the name, which may hold anything. A zombie is dead.
    private static string? Begun(Func<int, string> readStat, int pid)
    {
        try
        {
            var stat = readStat(pid);
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? "" : fields[19];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Asks the kernel itself, which knows hidden ones, too, and needs no file for it.
    private static bool IsThere(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
