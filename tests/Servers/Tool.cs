using System.Diagnostics;

namespace Pampa.Servers;

/// <summary>Tools of the computer, run to their end.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Runs a tool from the root folder, which every user may enter, and returns its exit code. Its output goes nowhere: what it
    /// leaves behind (a server, say) would inherit a pipe and keep it open.
    /// </summary>
    public static async Task<int> TryRunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(Order("/", "/dev/null", program, arguments))!;
        await process.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);
        return process.ExitCode;
    }

    /// <summary>The same, for one that must end well.</summary>
    public static async Task RunAsync(string program, params string[] arguments)
    {
        var code = await TryRunAsync(program, arguments);
        if (code != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {code}.");
    }

    /// <summary>An order for a process whose both outputs are appended to a file. The process is the program itself.</summary>
    public static ProcessStartInfo Order(string folder, string log, string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = folder };
        foreach (var argument in (string[])["-c", $"exec \"$0\" \"$@\" >>'{log}' 2>&1 </dev/null", program, .. arguments]) start.ArgumentList.Add(argument);
        return start;
    }
}
