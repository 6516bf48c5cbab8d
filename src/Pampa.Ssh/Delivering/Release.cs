using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Delivering;

/// <summary>
/// A program, ready to run on a node that has nothing of .NET. Its name comes from its content, so what a node has already is not
/// delivered again.
/// </summary>
internal sealed class Release : IDisposable
{
    private const int NameLength = 20;
    private const string ConfigurationEnd = ".runtimeconfig.json";
    private readonly IReadOnlyList<ReleaseFile> files;
    private readonly string work;
    private readonly Lazy<Task<Archive>> archive;

    private Release(string name, string program, IReadOnlyList<ReleaseFile> files)
    {
        Name = name;
        Program = program;
        this.files = files;
        work = Directory.CreateTempSubdirectory("pampa-release-").FullName;
        archive = new Lazy<Task<Archive>>(() => Delivering.Archive.WriteAsync(this.files, Path.Combine(work, "archive"), CancellationToken.None));
    }

    public string Name { get; }

    /// <summary>The file that is started.</summary>
    public string Program { get; }

    /// <summary>In bytes, unpacked.</summary>
    public long Size { get; private init; }

    /// <summary>The release as one file; made when it is first wanted.</summary>
    public Task<Archive> ArchiveAsync(CancellationToken stopping) => archive.Value.WaitAsync(stopping);

    /// <summary>Reads a folder in which a program was published.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="program">The file that is started; null: the one program in it.</param>
    /// <param name="stopping">Gives up.</param>
    /// <exception cref="NodeException">No program is in it.</exception>
    public static async Task<Release> ReadAsync(string folder, string? program, CancellationToken stopping)
    {
        program ??= FindProgram(folder);
        var files = new List<ReleaseFile>();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var size = 0L;
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (IsDatabase(name, program)) continue;
            var file = new ReleaseFile(path, name, name == program || IsProgram(path));
            await using var content = File.OpenRead(path);
            size += content.Length;
            var one = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, stopping));
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{one} {file.IsProgram} {name}\n")));
            files.Add(file);
        }
        return new Release(Convert.ToHexStringLower(hash.GetHashAndReset())[..NameLength], program, files) { Size = size };
    }

    // The default database of a program lies beside it, and is no part of it; a library whose name only begins like that is.
    private static bool IsDatabase(string name, string program) =>
        name.StartsWith(program, StringComparison.Ordinal) && name[program.Length..] is ".db" or ".db-wal" or ".db-shm" or ".db-journal";

    private static string FindProgram(string folder)
    {
        var names = Directory.GetFiles(folder, $"*{ConfigurationEnd}").Select(file => Path.GetFileName(file)[..^ConfigurationEnd.Length]).ToList();
        // A program in a single file has no configuration beside it.
        if (names.Count == 0)
        {
            var programs = Directory.GetFiles(folder).Where(file => Path.GetExtension(file).Length == 0 && IsProgram(file));
            names = [.. programs.Select(file => Path.GetFileName(file))];
        }
        var found = names.Where(name => File.Exists(Path.Combine(folder, name))).ToList();
        return found.Count == 1
            ? found[0]
            : throw new NodeException($"--program: the folder {folder} must hold one program that was published for Linux, got {(found.Count == 0 ? "none" : string.Join(", ", found))}.");
    }

    private static bool IsProgram(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;

    public void Dispose() => Directory.Delete(work, recursive: true);
}
