using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Pampa.Chaos.Servers;

/// <summary>Tools of the computer, and signals.</summary>
internal static partial class Shell
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);

    /// <summary>Whether the process was there to get it.</summary>
    public static bool Signal(int process, int signal) => SendSignal(process, signal) == 0;

    /// <summary>Runs a tool; its output goes to a file, for what it leaves behind would keep a pipe open.</summary>
    public static async Task<int> TryRunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(Order("/", "/dev/null", program, arguments))!;
        await process.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);
        return process.ExitCode;
    }

    public static async Task RunAsync(string program, params string[] arguments)
    {
        var code = await TryRunAsync(program, arguments);
        if (code != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}.");
    }

    /// <summary>Takes a disk away; whoever still has a file of it open keeps that file, and no more.</summary>
    public static async Task UnmountAsync(string folder)
    {
        for (var i = 0; i < 20; i++)
        {
            if (await TryRunAsync("umount", folder) == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        }
        await TryRunAsync("umount", "-l", folder);
    }

    /// <summary>An order for a process whose both outputs are appended to a file. The process is the program itself.</summary>
    public static ProcessStartInfo Order(string folder, string log, string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder };
        foreach (var argument in (string[])["-c", $"exec \"$0\" \"$@\" >>'{log}' 2>&1 </dev/null", program, .. arguments]) start.ArgumentList.Add(argument);
        return start;
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
