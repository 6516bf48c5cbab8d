namespace Pampa.Bench;

/// <summary>The clone that this program was built in.</summary>
internal static class Repository
{
    /// <summary>Its root, looked for from the program's folder upwards; null where the program was taken elsewhere.</summary>
    public static string? Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Pampa.slnx"))) return folder.FullName;
        }
        return null;
    }
}
