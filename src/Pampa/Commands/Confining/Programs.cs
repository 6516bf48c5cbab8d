using System.Diagnostics;

namespace Pampa.Commands.Confining;

/// <summary>Where the programs of this computer are.</summary>
internal static class Programs
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // An ordinary user's path in general lacks where those of the administrator lie.
    private static readonly string[] Beside = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>The file of a program; null: it is not there.</summary>
    public static string? Find(string name)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), .. Beside];
        return folders.Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs a program that ends soon. Returns whether that went well, and what it said.</summary>
    public static (bool IsDone, string Said) Run(string program, IReadOnlyList<string> words)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in words) start.ArgumentList.Add(word);
        try
        {
            using var process = Process.Start(start);
            if (process is null) return (false, "it does not start");
            var errors = process.StandardError.ReadToEndAsync();
            var said = process.StandardOutput.ReadToEndAsync();
            if (process.WaitForExit(Patience)) return (process.ExitCode == 0, said.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult());
            process.Kill();
            return (false, "it does not end");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException)
        {
            return (false, e.Message);
        }
    }
}
