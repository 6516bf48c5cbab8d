using System.Diagnostics;
using System.Globalization;

namespace Pampa.Mutations;

/// <summary>
/// A copy of the repository in a folder of its own, where files are changed, built and tested; the checkout is never
/// touched.
/// </summary>
internal sealed class Workshop : IDisposable
{
    private static readonly TimeSpan BuildTime = TimeSpan.FromMinutes(10);
    private readonly string folder;
    private readonly string copy;
    private readonly string temp;

    private Workshop(string folder)
    {
        this.folder = folder;
        copy = Directory.CreateDirectory(Path.Combine(folder, "copy")).FullName;
        temp = Directory.CreateDirectory(Path.Combine(folder, "temp")).FullName;
        // The tests' PostgreSQL may run as a user of its own, and has its folder in here.
        foreach (var entered in new[] { folder, temp })
            File.SetUnixFileMode(entered, File.GetUnixFileMode(entered) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    /// <summary>The root of the repository that this program was built in.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    private static string FindRoot(string from)
    {
        for (var at = new DirectoryInfo(from); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Pampa.slnx"))) return at.FullName;
        }
        throw new InvalidOperationException($"There is no Pampa.slnx above {from}.");
    }

    /// <summary>Copies what is in the repository or is about to be.</summary>
    public static Workshop Make()
    {
        var workshop = new Workshop(Directory.CreateTempSubdirectory("pampa-mutations-").FullName);
        foreach (var path in Listed())
        {
            var target = Path.Combine(workshop.copy, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(Root, path), target);
        }
        return workshop;
    }

    private static IEnumerable<string> Listed()
    {
        var start = new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        };
        using var git = Process.Start(start)!;
        var listed = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        if (git.ExitCode != 0) throw new InvalidOperationException("This is no clone of the repository: git cannot list its files.");
        return listed.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(p => File.Exists(Path.Combine(Root, p)));
    }

    public string Read(string path) => File.ReadAllText(Path.Combine(copy, path));

    public void Write(string path, string text) => File.WriteAllText(Path.Combine(copy, path), text);

    /// <summary>Builds a project and what it needs. Null where that works, else the first error.</summary>
    public async Task<string?> BuildAsync(string project, bool isFirst, CancellationToken stopping)
    {
        // Without the analyzers: that a mutation leaves something unused is no reason not to compile it.
        string[] command =
        [
            "dotnet", "build", project, "-v", "quiet", "-nologo", "-m:1", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false",
            .. isFirst ? Array.Empty<string>() : ["--no-restore"],
        ];
        var run = await ProgramRun.EndAsync(copy, Path.Combine(folder, "build.log"), BuildTime,
            new Dictionary<string, string> { ["MSBUILDDISABLENODEREUSE"] = "1" }, command, stopping);
        if (run.ExitCode == 0) return null;
        return run.Said.Split('\n').FirstOrDefault(l => l.Contains("error", StringComparison.Ordinal))?.Replace(copy, ".", StringComparison.Ordinal).Trim()
            ?? "the build did not end";
    }

    /// <summary>Runs tests until the first of them fails.</summary>
    public async Task<TestRun> TestAsync(Suite suite, TimeSpan limit, CancellationToken stopping)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            var run = await ProgramRun.EndAsync(copy, Path.Combine(folder, "tests.log"), limit, new Dictionary<string, string> { ["TMPDIR"] = temp },
                [$"artifacts/bin/{suite.Project}/debug/{suite.Project}", "-noColor", "-noLogo", "-noAutoReporters", "-stopOnFail", .. suite.Options], stopping);
            return TestRun.Of(run, watch.Elapsed);
        }
        finally
        {
            StopServers();
        }
    }

    /// <summary>Lets the chaos program run.</summary>
    public async Task<TestRun> ChaosAsync(ChaosOrder order, CancellationToken stopping)
    {
        var watch = Stopwatch.StartNew();
        var run = await ProgramRun.EndAsync(copy, Path.Combine(folder, "chaos.log"), order.Limit,
            new Dictionary<string, string> { ["TMPDIR"] = temp }, [ChaosOrder.Program, .. order.Arguments], stopping);
        foreach (var left in Directory.GetDirectories(temp)) Directory.Delete(left, recursive: true);
        return ChaosOrder.Of(run, watch.Elapsed);
    }

    // Tests that were killed have not stopped the PostgreSQL that they had started, and it is nobody's child.
    private void StopServers()
    {
        foreach (var file in Directory.GetFiles(temp, "postmaster.pid", new EnumerationOptions { RecurseSubdirectories = true }))
        {
            try
            {
                using var server = Process.GetProcessById(int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture));
                server.Kill();
                server.WaitForExit();
            }
            catch (Exception e) when (e is ArgumentException or IOException)
            {
                // It has ended by itself.
            }
        }
        foreach (var left in Directory.GetDirectories(temp)) Directory.Delete(left, recursive: true);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
