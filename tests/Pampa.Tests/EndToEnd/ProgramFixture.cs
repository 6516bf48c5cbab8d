using System.Collections.Concurrent;
using System.Diagnostics;

[assembly: AssemblyFixture(typeof(Pampa.Tests.EndToEnd.ProgramFixture))]
// More than there are processors: those that run programs mostly wait for them.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]

namespace Pampa.Tests.EndToEnd;

/// <summary>
/// One after the other, and not beside other tests: they measure themselves in seconds. Classes whose tests only wait, with patience, for
/// what their programs do are not among them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OneByOne
{
    public const string Name = "end to end";
}

/// <summary>Programs as a user has them, one file each; built once a test run, with everything in a folder that is removed at its end.</summary>
public sealed class ProgramFixture : IAsyncDisposable
{
    // To publish ahead of time takes a minute on an idle machine.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-e2e-").FullName;
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> built = [];
    private readonly ConcurrentBag<Child> children = [];
    private int folders;

    /// <summary>The repository's root: the folder of the solution above the tests' assembly.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    internal const string Numbers = "samples/numbers.cs";
    internal const string Cases = "tests/Pampa.Tests/EndToEnd/programs/cases.cs";

    private static string FindRoot(string from)
    {
        for (var at = new DirectoryInfo(from); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Pampa.slnx"))) return at.FullName;
        }
        throw new InvalidOperationException($"There is no Pampa.slnx above {from}.");
    }

    /// <summary>An empty folder of the test's own.</summary>
    public string NewFolder() => Directory.CreateDirectory(Path.Combine(folder, $"t{Interlocked.Increment(ref folders)}")).FullName;

    internal async Task<Child> StartAsync(string program, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var child = Child.Start(await BuiltAsync(program), NewFolder(), arguments, environment);
        children.Add(child);
        return child;
    }

    /// <summary>The program, ready to be started.</summary>
    internal Task<string> BuiltAsync(string program) => built.GetOrAdd(program, p => new Lazy<Task<string>>(() => BuildAsync(p))).Value;

    private async Task<string> BuildAsync(string program)
    {
        var name = Path.GetFileNameWithoutExtension(program);
        var output = Path.Combine(folder, name);
        var said = await RunAsync("dotnet", "build", program, "-o", output, "-v", "quiet");
        Assert.DoesNotContain("warning", said, StringComparison.OrdinalIgnoreCase);
        return Path.Combine(output, name);
    }

    /// <summary>Runs a tool in the repository's root and returns what it said; its helpers may live on, so it gets a file and no pipe.</summary>
    internal async Task<string> RunAsync(string program, params string[] arguments)
    {
        var log = Path.Combine(NewFolder(), "log");
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = Root };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"exec \"$0\" \"$@\" >'{log}' 2>&1 </dev/null");
        start.ArgumentList.Add(program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        Child.Clean(start);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience);
        var said = await File.ReadAllTextAsync(log);
        return process.ExitCode == 0 ? said : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {said}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var child in children) await child.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
