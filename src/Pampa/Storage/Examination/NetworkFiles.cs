namespace Pampa.Storage.Examination;

/// <summary>Which files are not on a disk of this computer.</summary>
internal static class NetworkFiles
{
    private const string Mounts = "/proc/mounts";

    private static readonly string[] Types =
        [
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2", "beegfs", "davfs", "ncpfs", "virtiofs",
            "fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs", "fuse.rclone",
        ];

    /// <summary>The type of network file system that a file is on; null where it is none, as far as that can be told.</summary>
    public static string? TypeOf(string path)
    {
        if (OperatingSystem.IsLinux()) return TypeOf(path, File.Exists(Mounts) ? File.ReadAllLines(Mounts) : []);
        var root = Path.GetPathRoot(path);
        if (root is null || root.StartsWith(@"\\", StringComparison.Ordinal)) return root is null ? null : "share";
        return new DriveInfo(OperatingSystem.IsWindows() ? root : path) is { DriveType: DriveType.Network } drive ? drive.DriveFormat : null;
    }

    /// <summary>The same by the list of what is mounted: device, place, type, options.</summary>
    public static string? TypeOf(string path, IEnumerable<string> mounts)
    {
        var type = mounts.Select(line => line.Split(' ')).Where(fields => fields.Length > 2 && IsBelow(path, Unescaped(fields[1])))
            // Of those of the same place the last one counts: it hides the others.
            .Select((fields, at) => (Length: Unescaped(fields[1]).Length, At: at, Type: fields[2]))
            .OrderByDescending(m => m.Length).ThenByDescending(m => m.At).Select(m => m.Type).FirstOrDefault();
        return Types.Contains(type) ? type : null;
    }

    private static bool IsBelow(string path, string place) =>
        place == "/" || path == place || path.StartsWith($"{place}/", StringComparison.Ordinal);

    private static string Unescaped(string text) => text.Replace("\\040", " ", StringComparison.Ordinal)
        .Replace("\\011", "\t", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
