namespace Pampa.Commands.Confining;

/// <summary>Where this process stands in the trees of control groups, and where those are mounted.</summary>
/// <param name="Unified">The folder of its own group in version 2; null: there is none.</param>
/// <param name="Controllers">The folders of its own groups in version 1, by controller.</param>
internal sealed record ControlGroups(string? Unified, IReadOnlyDictionary<string, string> Controllers)
{
    public static ControlGroups None { get; } = new(null, new Dictionary<string, string>());

    /// <summary>As the kernel tells of this process.</summary>
    public static ControlGroups Find() => Of("self");

    /// <summary>The same of another process, as far as this one sees its groups.</summary>
    /// <param name="process">Its number.</param>
    public static ControlGroups Of(string process)
    {
        try
        {
            return Read(File.ReadAllLines("/proc/self/mountinfo"), File.ReadAllLines($"/proc/{process}/cgroup"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return None;
        }
    }

    /// <summary>The same from what <c>/proc</c> says of mounts and of groups.</summary>
    public static ControlGroups Read(IEnumerable<string> mounts, IEnumerable<string> groups)
    {
        var own = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in groups)
        {
            // hierarchy:controllers:path; of version 2 there is no controller.
            if (line.Split(':', 3) is not [_, var controllers, var path]) continue;
            foreach (var controller in controllers.Split(',')) own[controller] = path;
        }
        string? unified = null;
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in mounts)
        {
            if (line.Split(" - ", 2) is not [var left, var right]) continue;
            if (left.Split(' ') is not [_, _, _, var root, var point, ..] || right.Split(' ') is not [var type, _, var options, ..]) continue;
            if (type == "cgroup2" && own.TryGetValue("", out var path)) unified ??= Below(point, root, path);
            if (type != "cgroup") continue;
            foreach (var controller in options.Split(','))
            {
                if (own.TryGetValue(controller, out var of)) folders.TryAdd(controller, Below(point, root, of));
            }
        }
        return new ControlGroups(unified, folders);
    }

    // Spaces and the like stand in octal there, and a container sees only what is below its own root.
    private static string Below(string point, string root, string path)
    {
        var rest = root != "/" && (path == root || path.StartsWith(root + "/", StringComparison.Ordinal)) ? path[root.Length..] : path;
        return $"{Unescape(point).TrimEnd('/')}/{rest.Trim('/')}".TrimEnd('/');
    }

    private static string Unescape(string text) => text.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
        .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
