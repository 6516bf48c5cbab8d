namespace Pampa.Commands.Confining;

/// <summary>The disks of this computer, which limits of what is read and written are set for.</summary>
internal static class Disks
{
    // Devices that lie on others, or on memory: what goes through them is counted below, or is no matter of disks.
    private static readonly string[] NoDisks = ["loop", "ram", "zram", "dm-", "md", "sr", "fd"];

    /// <summary>Megabits as bytes.</summary>
    public static long BytesPerSecond(int megabits) => megabits * 125_000L;

    /// <summary>As <c>major:minor</c>, from the folder where the kernel lists them.</summary>
    public static IReadOnlyList<string> Find(string folder = "/sys/block")
    {
        try
        {
            var disks = Directory.EnumerateDirectories(folder).Where(disk => !Array.Exists(NoDisks, Path.GetFileName(disk).StartsWith));
            return [.. disks.Order(StringComparer.Ordinal).Select(disk => File.ReadAllText($"{disk}/dev").Trim())];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
