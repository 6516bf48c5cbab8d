using System.Globalization;
using System.Runtime.InteropServices;
using Pampa.Servers;

namespace Pampa.Chaos.Servers;

/// <summary>Signals, processes and disks.</summary>
internal static partial class Shell
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);

    /// <summary>Whether the process was there to get it.</summary>
    public static bool Signal(int process, int signal) => SendSignal(process, signal) == 0;

    /// <summary>Takes a disk away; whoever still has a file of it open keeps that file, and no more.</summary>
    public static async Task UnmountAsync(string folder)
    {
        for (var i = 0; i < 20; i++)
        {
            if (await Tool.TryRunAsync("umount", folder) == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        }
        await Tool.TryRunAsync("umount", "-l", folder);
    }

    /// <summary>The processes that a process has started.</summary>
    public static IReadOnlyList<int> Children(int process)
    {
        try
        {
            return [.. File.ReadAllText(Invariant($"/proc/{process}/task/{process}/children")).Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>How much memory a process has, in bytes; 0: it is gone.</summary>
    public static long Memory(int process)
    {
        try
        {
            return long.Parse(File.ReadAllText(Invariant($"/proc/{process}/statm")).Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
