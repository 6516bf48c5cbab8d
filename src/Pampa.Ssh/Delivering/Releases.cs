using System.Collections.Concurrent;
using System.Diagnostics;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Delivering;

/// <summary>The program, published once for each kind of computer that the nodes are.</summary>
/// <param name="source">Where it comes from.</param>
/// <param name="tool">What publishes it.</param>
internal sealed class Releases(ProgramSource source, string tool = "dotnet") : IAsyncDisposable
{
    // A first time fetches the runtime from the package source.
    private static readonly TimeSpan PublishTime = TimeSpan.FromMinutes(10);
    private const int SaidLines = 20;
    private readonly ConcurrentDictionary<string, Lazy<Task<Release>>> made = [];
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-publish-").FullName;
    private readonly SemaphoreSlim one = new(1);
    private readonly CancellationTokenSource ended = new();

    /// <summary>The release for a kind of computer.</summary>
    /// <exception cref="NodeException">It cannot be made.</exception>
    public Task<Release> ForAsync(string runtime, CancellationToken stopping) =>
        made.GetOrAdd(runtime, name => new Lazy<Task<Release>>(() => MakeAsync(name))).Value.WaitAsync(stopping);

    private async Task<Release> MakeAsync(string runtime)
    {
        if (source.IsFolder)
        {
            return source.Runtime is { } own && own != runtime
                ? throw new NodeException($"This program was published for {own} and the node is {runtime}: publish it for that one, too, and name that folder with --program.")
                : await Release.ReadAsync(source.Path, source.Program, ended.Token);
        }
        var output = Path.Combine(folder, runtime);
        // Two at a time would write into the same folders.
        await one.WaitAsync(ended.Token);
        try
        {
            await PublishAsync(runtime, output);
        }
        finally
        {
            one.Release();
        }
        return await Release.ReadAsync(output, null, ended.Token);
    }

    private async Task PublishAsync(string runtime, string output)
    {
        var start = new ProcessStartInfo(tool) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        string[] arguments =
        [
            // Compiled ahead of time it would need a compiler for the node's processor here.
            "publish", source.Path, "-c", "Release", "-r", runtime, "--self-contained", "-o", output, "-p:PublishAot=false", "-v", "quiet", "--nologo",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        // Left by the tool that runs this program; a tool of its own is to find its own.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        using var process = Start(start);
        process.StandardInput.Close();
        var said = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
        deadline.CancelAfter(PublishTime);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            ended.Token.ThrowIfCancellationRequested();
            throw new NodeException($"dotnet publish {source.Path} has not ended within {PublishTime:c}.");
        }
        if (process.ExitCode == 0) return;
        var lines = string.Concat(await said).Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct().TakeLast(SaidLines);
        throw new NodeException($"{source.Path} cannot be published for {runtime}: {string.Join(Environment.NewLine, lines)}");
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new NodeException($"The program cannot be published here: 'dotnet' cannot be started ({e.Message}). Install the SDK, or publish elsewhere and name the folder with --program.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Nobody wants what is being made any more, and whoever has ended this program by a signal does not wait for it.
        await ended.CancelAsync();
        foreach (var release in made.Values)
        {
            // One that could not be made has been told of.
            await ((Task)release.Value).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (release.Value.IsCompletedSuccessfully) (await release.Value).Dispose();
        }
        one.Dispose();
        ended.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
