using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>
/// Which process this is, on which host, so that another process of the same host can tell for certain that it is dead:
/// machine, boot and pid namespace (a container has its own), the pid, and when it began (pids are used again).
/// </summary>
internal static partial class ProcessIdentity
{
    private static readonly Lazy<string?> Host = new(ReadHost);

    /// <summary>This process. Where the host cannot be told, an identity that is never found dead.</summary>
    public static string Current { get; } = Host.Value is { } host && Begun(ReadStat, Environment.ProcessId) is { } start
        ? $"{host}/{Supervisor}{Environment.ProcessId}/{start}"
        : $"{Environment.MachineName}?/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>
    /// Set for a process that another one of this host starts again when it dies: which that is. Processes of versions that do not know it
    /// wait for the lease of one that is gone.
    /// </summary>
    public const string SupervisorVariable = "PAMPA_SUPERVISOR";

    /// <summary>What this process says of itself to those that it starts again.</summary>
    public static string? AsSupervisor => Begun(ReadStat, Environment.ProcessId) is { } start ? $"{Environment.ProcessId}-{start}" : null;

    private static string Supervisor => Environment.GetEnvironmentVariable(SupervisorVariable) is { } other && SupervisorForm.IsMatch(other) ? $"{other}/" : "";

    [GeneratedRegex("^[0-9]{1,10}-[0-9]{1,20}\\z")]
    private static partial Regex SupervisorForm { get; }

    /// <summary>Whether somebody who lives, on this very host, starts the process again when it is gone.</summary>
    public static bool IsSupervised(string identity) => IsSupervised(identity, ReadStat);

    /// <summary>The same with what tells of a process by its id.</summary>
    public static bool IsSupervised(string identity, Func<int, string> readStat) =>
        PartsOf(identity) is [var other, _, _] && SupervisorForm.IsMatch(other) && other.Split('-') is [var id, var start]
        && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Begun(readStat, pid) == start;

    private static string[] PartsOf(string identity) =>
        Host.Value is { } host && identity.StartsWith(host + "/", StringComparison.Ordinal) ? identity[(host.Length + 1)..].Split('/') : [];

    /// <summary>Which program this process runs, and in which version.</summary>
    public static string Program { get; } = ProgramOf(null);

    /// <summary>The same in a version that the program says itself; null: its assembly's.</summary>
    public static string ProgramOf(string? version) =>
        Assembly.GetEntryAssembly() is { } program && program.GetName() is var name ? $"{name.Name} {version ?? VersionOf(program) ?? $"{name.Version}"}" : "";

    // As the author has written it; the commit that builds add to it tells no order.
    private static string? VersionOf(Assembly program) =>
        program.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { Length: > 0 } said && said.Split('+')[0] is var version
        && ProgramVersion.TryParse(version) is not null ? version : null;

    /// <summary>Whether the process ran on this very host and is gone. False means: not known.</summary>
    public static bool IsDead(string identity) => IsDead(identity, ReadStat);

    /// <summary>The same with what tells of a process by its id, as <c>/proc/ID/stat</c> does.</summary>
    public static bool IsDead(string identity, Func<int, string> readStat)
    {
        if (PartsOf(identity) is not { Length: 2 or 3 } parts) return false;
        if (!int.TryParse(parts[^2], NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) return false;
        // Nothing to read proves nothing: others' processes may be hidden from us, or no file can be opened just now.
        return Begun(readStat, pid) is { } begun ? begun != parts[^1] : !IsThere(pid);
    }

    /// <summary>Whether it is another process of this very host that lives. False means: not known.</summary>
    public static bool IsOtherHere(string identity) => identity != Current && Host.Value is { } host
        && identity.StartsWith(host + "/", StringComparison.Ordinal) && !IsDead(identity);

    /// <summary>For people: which process it is, if it is one of this host.</summary>
    public static string Describe(string identity) => PartsOf(identity) is { Length: >= 2 } parts
        ? $"process {parts[^2]} of this computer"
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
