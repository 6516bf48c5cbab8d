namespace Pampa.Commands.Confining;

/// <summary>The disks of this computer, which limits of what is read and written are set for.</summary>
internal static class Disks
{
    // Devices that lie on others, or on memory: what goes through them is counted below, or is no matter of disks.
    private static readonly string[] NoDisks = ["loop", "ram", "zram", "dm-", "md", "sr", "fd"];

    /// <summary>
    /// What a limit is worth where the kernel does not know whose pages it writes back: by then it is nobody's writing.
    /// </summary>
    public const string NotTheCache = "reads and direct writes; not what goes through the page cache";

    /// <summary>Megabits as bytes.</summary>
    public static long BytesPerSecond(int megabits) => megabits * 125_000L;

    /// <summary>As <c>major:minor</c>, from the folder where the kernel lists them.</summary>
    public static IReadOnlyList<string> Find(string folder = "/sys/block")
    {
        try
        {
            var disks = Directory.EnumerateDirectories(folder).Where(disk => !Array.Exists(NoDisks, Path.GetFileName(disk).StartsWith));
            return [.. disks.Order(StringComparer.Ordinal).Select(TryNumber).OfType<string>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Limits each disk that there is.</summary>
    /// <param name="find">Which there are now.</param>
    /// <param name="limit">Limits one.</param>
    /// <exception cref="IOException">The kernel does not limit one that is there.</exception>
    public static void Limit(Func<IReadOnlyList<string>> find, Action<string> limit)
    {
        foreach (var disk in find())
        {
            try
            {
                limit(disk);
            }
            catch (IOException) when (!find().Contains(disk))
            {
                // Taken out this very moment: nobody reads or writes it any more.
            }
        }
    }

    // One that goes away, or that has no number of its own, such as a single path to a disk of several, is no reason to limit none.
    private static string? TryNumber(string disk)
    {
        try
        {
            return File.ReadAllText($"{disk}/dev").Trim() is { Length: > 0 } number ? number : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
