namespace Pampa.Tests.EndToEnd;

/// <summary>The first program of the README, published ahead of time: one native file that needs no .NET on its machine.</summary>
public sealed class NativeTests(ProgramFixture programs)
{
    [Fact, Trait("Category", "Native")]
    public async Task The_sample_publishes_without_a_warning_and_works_without_dotnet()
    {
        if (MissingTool() is { } reason) Assert.Skip(reason);
        var folder = programs.NewFolder();
        var said = await programs.RunAsync("dotnet", "publish", ProgramFixture.Numbers, "-o", folder);
        Assert.Contains("Generating native code", said, StringComparison.Ordinal);
        // Trimming and ahead-of-time compilation warn of what they cannot see through (IL2…, IL3…), and so do all others.
        Assert.DoesNotContain("warning", said, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Directory.GetFiles(folder, "*.dll"));
        Assert.Empty(Directory.GetFiles(folder, "*.runtimeconfig.json"));

        await using var database = NumbersDatabase.Sqlite(programs.NewFolder());
        await using var run = Child.Start(Path.Combine(folder, "numbers"), programs.NewFolder(), [.. database.Arguments, "--drain"],
            [("PATH", "/nonexistent"), ("DOTNET_ROOT", "/nonexistent")]);

        Assert.Equal(0, await run.EndAsync());

        Assert.Contains("100,000 completed", run.Said, StringComparison.Ordinal);
        await database.AllAreRightAsync();
    }

    private static string? MissingTool()
    {
        if (!OperatingSystem.IsLinux()) return "The native sample is published on Linux only: other systems name their linkers otherwise.";
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (!path.Any(d => File.Exists(Path.Combine(d, "clang")) || File.Exists(Path.Combine(d, "gcc"))))
            return "No linker to publish ahead of time with (looked for clang and gcc in PATH): install clang.";
        return File.Exists("/usr/include/zlib.h") ? null : "Publishing ahead of time needs zlib's headers (looked for /usr/include/zlib.h): install zlib1g-dev.";
    }
}
