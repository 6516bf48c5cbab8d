using System.Diagnostics;
using System.Net;

namespace Pampa.Bench;

/// <summary>samples/dashboard.cs, published and started as its users do, and somebody who asks it.</summary>
internal sealed class DashboardSite : IAsyncDisposable
{
    private const string Says = "Dashboard: ";
    private readonly string folder;
    private readonly BenchProcess process;
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(30) };

    private DashboardSite(string folder, BenchProcess process) => (this.folder, this.process) = (folder, process);

    /// <summary>Serves what is published in a database; values of the job's columns are shown.</summary>
    public static async Task<DashboardSite> StartAsync(string address, string job, CancellationToken stopping)
    {
        var root = Repository.Root() ?? throw new RunFailedException("samples/dashboard.cs was not found: run the bench from where it was built in a clone.");
        var folder = Directory.CreateTempSubdirectory("pampa-bench-").FullName;
        try
        {
            var publish = new ProcessStartInfo("dotnet") { WorkingDirectory = root };
            foreach (var word in (string[])["publish", "samples/dashboard.cs", "-c", "Release", "-p:PublishAot=false", "-o", folder, "-v", "quiet"])
                publish.ArgumentList.Add(word);
            await BenchProcess.RunAsync(publish, stopping);
            var start = new ProcessStartInfo(Path.Combine(folder, "dashboard"));
            foreach (var word in (string[])["--port", "0", "--show", $"{job}.*"]) start.ArgumentList.Add(word);
            start.Environment[ChildRun.AddressVariable] = PostgresDatabase.Named(address, "dashboard");
            var site = new DashboardSite(folder, new BenchProcess(start));
            try
            {
                site.http.BaseAddress = new Uri((await site.process.LineAsync(Says, stopping))[Says.Length..]);
                return site;
            }
            catch
            {
                await site.process.DisposeAsync();
                throw;
            }
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Asks it something and returns how many milliseconds it took to have all of the answer.</summary>
    /// <exception cref="RunFailedException">It is refused, but for want of an index.</exception>
    public async Task<double> AskAsync(DashboardQuestion question, CancellationToken stopping)
    {
        var path = question.Path;
        var began = TimeProvider.System.GetTimestamp();
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), stopping);
        var text = await answer.Content.ReadAsStringAsync(stopping);
        var took = TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;
        var isRefused = !(answer.IsSuccessStatusCode || (question.HasNoIndex && answer.StatusCode == HttpStatusCode.BadRequest));
        if (isRefused) throw new RunFailedException(FormattableString.Invariant($"{path}: {(int)answer.StatusCode} after {took:N0} ms: {text}"));
        return took;
    }

    /// <summary>Stops it in good order.</summary>
    public Task StopAsync(CancellationToken stopping) => process.StopAsync(stopping);

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await process.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
