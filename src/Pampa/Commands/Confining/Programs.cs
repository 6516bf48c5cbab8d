namespace Pampa.Commands.Confining;

/// <summary>Where the programs of this computer are.</summary>
internal static class Programs
{
    // An ordinary user's path in general lacks where those of the administrator lie.
    private static readonly string[] Beside = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>The file of a program; null: it is not there.</summary>
    public static string? Find(string name)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), .. Beside];
        return folders.Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}
