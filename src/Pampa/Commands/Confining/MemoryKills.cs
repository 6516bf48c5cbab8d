namespace Pampa.Commands.Confining;

/// <summary>
/// How often the kernel has killed something for its memory, in a group of version 2 and in those above it, which count what is below them.
/// A scope is gone when its process is, and its number with it; the nearest group above it that is still there knows.
/// </summary>
internal sealed class MemoryKills
{
    private const string Word = "oom_kill";
    private readonly List<(string File, long Before)> groups = [];

    private MemoryKills()
    {
    }

    /// <summary>From now on.</summary>
    /// <param name="group">The folder of the group.</param>
    public static MemoryKills From(string group)
    {
        var kills = new MemoryKills();
        // The root of the tree counts nothing.
        for (var folder = new DirectoryInfo(group); folder is not null && FileOf(folder.FullName) is var file && File.Exists(file); folder = folder.Parent)
            kills.groups.Add((file, GroupFolder.Number(file, Word)));
        return kills;
    }

    /// <summary>Whether there was one since then, as far as that can be told.</summary>
    public bool HaveGrown() => groups.Find(group => File.Exists(group.File)) is ({ } file, var before) && GroupFolder.Number(file, Word) > before;

    private static string FileOf(string group) => $"{group}/memory.events";
}
