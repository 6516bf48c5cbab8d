using System.Reflection;
using System.Runtime.InteropServices;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Delivering;

/// <summary>Where the program comes from that is delivered.</summary>
/// <param name="Path">A source file, a project, or a folder.</param>
/// <param name="IsFolder">Whether it was published already, into this folder.</param>
internal sealed record ProgramSource(string Path, bool IsFolder)
{
    private static readonly string[] Projects = [".csproj", ".fsproj", ".vbproj"];

    /// <summary>For which kind of computer it was published; null: for the one that is asked for.</summary>
    public string? Runtime { get; private init; }

    /// <summary>The file that is started, where that is known.</summary>
    public string? Program { get; private init; }

    /// <summary>
    /// What <c>--program</c> names; else this very program: the file that it was run from, the folder that it was published into, or the
    /// project of its name in the current folder.
    /// </summary>
    /// <exception cref="NodeException">It cannot be told.</exception>
    public static ProgramSource Find(string? option)
    {
        if (option is not null) return Named(System.IO.Path.GetFullPath(option));
        if (AppContext.GetData("EntryPointFilePath") is string file && File.Exists(file)) return new ProgramSource(file, IsFolder: false);
        var entry = Assembly.GetEntryAssembly()?.GetName().Name;
        if (File.Exists(System.IO.Path.Combine(AppContext.BaseDirectory, "libhostpolicy.so")))
            return new ProgramSource(AppContext.BaseDirectory.TrimEnd('/'), IsFolder: true) { Runtime = RuntimeInformation.RuntimeIdentifier, Program = entry };
        var project = Projects.Select(end => System.IO.Path.Combine(Environment.CurrentDirectory, $"{entry}{end}")).FirstOrDefault(File.Exists);
        if (project is not null) return new ProgramSource(project, IsFolder: false);
        throw new NodeException($"What is to be delivered cannot be told: this program does not run from a source file, was not published with what it needs of .NET, and the current folder has no project {entry}.csproj. Name its source file, its project or the folder that it was published into with --program PATH.");
    }

    private static ProgramSource Named(string path)
    {
        if (Directory.Exists(path)) return new ProgramSource(path.TrimEnd('/'), IsFolder: true);
        if (!File.Exists(path)) throw new NodeException($"--program: there is no {path}.");
        var end = System.IO.Path.GetExtension(path);
        return end == ".cs" || Projects.Contains(end)
            ? new ProgramSource(path, IsFolder: false)
            : throw new NodeException($"--program must be a source file (.cs), a project or a folder that a program was published into, got {path}.");
    }
}
