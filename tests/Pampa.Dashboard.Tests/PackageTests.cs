using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Pampa.Dashboard.Tests.Fixtures;
using Pampa.Servers;
using Pampa.Serving;

namespace Pampa.Dashboard.Tests;

/// <summary>As users have it: a package of a feed, in a program of one file, published and started from another folder.</summary>
public sealed class PackageTests : IDisposable
{
    private const string Canary = "canary-p4ss";

    // To publish ahead of time takes a minute and a half on an idle machine.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-package-").FullName;

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_published_program_of_one_file_has_the_verb_and_its_pages()
    {
        Assert.SkipWhen(Assets.Embedded.Value is null, "This build of the dashboard has no pages: there was no Node.js.");
        var (feed, program, published) = (Path.Combine(folder, "feed"), Path.Combine(folder, "program"), Path.Combine(folder, "published"));
        var version = await PackAsync(feed, "Pampa", "Pampa.Dashboard");
        Directory.CreateDirectory(program);
        await File.WriteAllTextAsync(Path.Combine(program, "shop.cs"), $$"""
            #:package Pampa.Dashboard@{{version}}
            #:property RestoreAdditionalProjectSources={{feed}}
            #:property PublishAot=false
            using Pampa;

            return await PampaApp.RunAsync(args, pampa =>
            {
                pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2) ON CONFLICT DO NOTHING");
                pampa.AddJob("price_orders", "orders", "id", job => job.Process(_ => { }));
            });
            """, Stopping);
        await RunAsync(program, "publish", "shop.cs", "-o", published, "-v", "quiet");
        Assert.Empty(Directory.EnumerateFiles(published, "*.js", SearchOption.AllDirectories));

        var database = Path.Combine(folder, "shop.db");
        await RunAsync(folder, Path.Combine(published, "shop.dll"), "--drain", "--db", database);
        using var served = Start(folder, Path.Combine(published, "shop.dll"), "dashboard", "--port", "0", "--db", database);
        try
        {
            using var caller = new Caller(await AddressAsync(served));
            foreach (var name in Assets.Embedded.Value!.Names.Append(""))
            {
                using var response = await caller.GetAsync(name);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                Assert.NotEmpty(await response.Content.ReadAsByteArrayAsync(Stopping));
            }
            var job = Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("jobs").EnumerateArray());
            Assert.Equal((2, 0), (job.GetProperty("completed").GetInt32(), job.GetProperty("pending").GetInt32()));
        }
        finally
        {
            served.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task The_tool_is_installed_from_its_package_alone_and_looks_at_a_database_and_serves_its_pages()
    {
        Assert.SkipWhen(Assets.Embedded.Value is null, "This build of the dashboard has no pages: there was no Node.js.");
        var (feed, tools, database) = (Path.Combine(folder, "feed"), Path.Combine(folder, "tools"), Path.Combine(folder, "shop.db"));
        var version = await PackAsync(feed, "Pampa.Tool");
        // That feed and no other one: whatever the tool needs is in its package.
        await RunAsync(folder, "tool", "install", "Pampa.Tool", "--tool-path", tools, "--version", version, "--source", feed);
        Assert.Equal(0, await PampaApp.RunAsync(["--drain", "--plain", "--db", database], pampa =>
        {
            pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2) ON CONFLICT DO NOTHING");
            pampa.AddJob("price_orders", "orders", "id", job => job.Process(_ => { }));
        }));

        var tool = Path.Combine(tools, OperatingSystem.IsWindows() ? "pampa.exe" : "pampa");
        var help = await SaidAsync(tool, folder, "--help");
        Assert.Contains("pampa VERB [OPTIONS]", help, StringComparison.Ordinal);
        Assert.Contains("dashboard", help, StringComparison.Ordinal);
        using (var status = JsonDocument.Parse(await SaidAsync(tool, folder, "status", "--json", "--db", database)))
        {
            var job = Assert.Single(status.RootElement.GetProperty("jobs").EnumerateArray());
            Assert.Equal(("price_orders", 2, 0), (job.GetProperty("job").GetString(), job.GetProperty("completed").GetInt32(), job.GetProperty("pending").GetInt32()));
        }

        using var served = StartProgram(tool, folder, null, "dashboard", "--port", "0", "--db", database);
        try
        {
            using var caller = new Caller(await AddressAsync(served));
            var script = Assets.Embedded.Value!.Names.First(name => name.EndsWith(".js", StringComparison.Ordinal));
            Assert.Contains("<script", await TextAsync(caller, ""), StringComparison.Ordinal);
            Assert.NotEmpty(await TextAsync(caller, script));
            Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("jobs").EnumerateArray());
        }
        finally
        {
            served.Kill(entireProcessTree: true);
        }
    }

    [Fact, Trait("Category", "Native")]
    public async Task An_application_that_is_published_ahead_of_time_serves_its_pages_and_does_what_they_ask()
    {
        Assert.SkipWhen(Assets.Embedded.Value is null, "This build of the dashboard has no pages: there was no Node.js.");
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/include/zlib.h"), "Publishing ahead of time needs Linux here, clang and zlib1g-dev.");
        var (published, database) = (Path.Combine(folder, "native"), Path.Combine(folder, "shop.db"));
        var said = await SaidAsync("dotnet", Browser.Root, "publish", "tests/Pampa.Dashboard.Tests/programs/shop.cs", "-o", published);
        // Trimming and ahead-of-time compilation warn of what they cannot see through.
        Assert.DoesNotContain("warning", said, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Directory.GetFiles(published, "*.dll"));
        var shop = Path.Combine(published, "shop");

        using var application = StartProgram(shop, folder, null, "application", database);
        try
        {
            using var caller = await new Caller(await AddressAsync(application)).WithSessionAsync();
            foreach (var name in Assets.Embedded.Value!.Names.Append("")) Assert.NotEmpty(await TextAsync(caller, name));
            await Until.TrueAsync(async () => JobOf(await caller.JsonAsync("api/overview")) is var job
                && (job.GetProperty("completed").GetInt32(), job.GetProperty("failed").GetInt32()) == (1, 1));
            using (var stream = new StreamReader(await (await caller.GetAsync("api/stream")).Content.ReadAsStreamAsync(Stopping)))
            {
                var lines = new List<string?>();
                while (lines.LastOrDefault()?.StartsWith("data: {", StringComparison.Ordinal) is not true) lines.Add(await stream.ReadLineAsync(Stopping));
                Assert.Contains("event: snapshot", lines);
                using var snapshot = JsonDocument.Parse(lines[^1]!["data: ".Length..]);
                Assert.Equal(1, JobOf(snapshot.RootElement).GetProperty("completed").GetInt32());
            }
            var failed = Assert.Single((await caller.JsonAsync("api/tasks?job=price_orders&state=failed&error=no+price")).GetProperty("tasks").EnumerateArray());
            Assert.Equal("2", failed.GetProperty("key").GetString());
            using var relaunched = await caller.PostAsync("api/records", """{"job":"price_orders","action":"relaunch","keys":["1"]}""");
            Assert.True(relaunched.IsSuccessStatusCode, await relaunched.Content.ReadAsStringAsync(Stopping));
            await Until.TrueAsync(async () => (await caller.JsonAsync("api/audit")).GetProperty("entries").EnumerateArray().Any(
                e => (e.GetProperty("action").GetString(), e.GetProperty("count").GetInt32()) == ("relaunch", 1)));
        }
        finally
        {
            application.Kill(entireProcessTree: true);
        }

        using var verb = StartProgram(shop, folder, null, "dashboard", "--port", "0", "--db", database);
        try
        {
            using var caller = new Caller(await AddressAsync(verb));
            Assert.Contains("<script", await TextAsync(caller, ""), StringComparison.Ordinal);
            Assert.Equal(1, JobOf(await caller.JsonAsync("api/overview")).GetProperty("failed").GetInt32());
        }
        finally
        {
            verb.Kill(entireProcessTree: true);
        }
    }

    private static JsonElement JobOf(JsonElement snapshot) => Assert.Single(snapshot.GetProperty("jobs").EnumerateArray());

    private static async Task<string> TextAsync(Caller caller, string path)
    {
        using var response = await caller.GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(Stopping);
    }

    [Fact, Trait("suite", "security")]
    public async Task The_sample_serves_a_cluster_from_nothing_but_its_database_whose_password_nobody_is_told()
    {
        await using var site = await Site.StartAsync();
        await Until.TrueAsync(async () => (await site.Cluster.InfoAsync(Stopping)).Nodes.Count > 0);
        var program = Path.Combine(folder, "sample");
        await RunAsync(Browser.Root, "build", "samples/dashboard.cs", "-o", program, "-v", "quiet");
        using var served = Start(folder, Path.Combine(program, "dashboard.dll"), "--port", "0", "--db", site.Database);
        try
        {
            using var caller = new Caller(await AddressAsync(served));
            var job = Assert.Single((await caller.JsonAsync("api/overview")).GetProperty("jobs").EnumerateArray());
            Assert.Equal(("price_orders", 3), (job.GetProperty("name").GetString(), job.GetProperty("pending").GetInt32()));
        }
        finally
        {
            served.Kill(entireProcessTree: true);
        }
        if (PrivatePostgres.IsInstalled) await TellsNobodyThePasswordAsync(Path.Combine(program, "dashboard.dll"));
    }

    // Neither on a page, nor in what programs get, nor in the log, nor where every user of the computer can look: with the database, and without it.
    private async Task TellsNobodyThePasswordAsync(string program)
    {
        var data = Directory.CreateTempSubdirectory("pampa-canary-").FullName;
        await using var server = await PrivatePostgres.StartAsync(data);
        var address = $"postgres://postgres:{Canary}@127.0.0.1:{server.Port}/postgres";
        var file = Path.Combine(folder, "address");
        await File.WriteAllTextAsync(file, address, Stopping);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(0, await PampaApp.RunAsync(["--drain", "--plain", "--db", $"file:{file}"], pampa =>
        {
            pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)");
            pampa.AddJob("price_orders", "orders", "id", job => job.Process(_ => { }));
        }));
        using var served = Start(folder, ("PAMPA_DATABASE_URL", address), program, "--port", "0");
        try
        {
            var said = new List<string>();
            using var caller = new Caller(await AddressAsync(served, said));
            async Task LookAsync()
            {
                foreach (var path in new[] { "", "api/session", "api/overview", "api/audit", "api/tasks?job=price_orders", "api/schedules", "metrics", "scale/price_orders" })
                {
                    using var response = await caller.GetAsync(path);
                    said.Add(await response.Content.ReadAsStringAsync(Stopping));
                }
            }
            await LookAsync();
            Assert.Contains(said, s => s.Contains("\"price_orders\"", StringComparison.Ordinal));
            said.Add(await File.ReadAllTextAsync($"/proc/{served.Id}/cmdline", Stopping));
            await server.StopAtOnceAsync();
            await LookAsync();
            served.Kill(entireProcessTree: true);
            said.Add(await served.StandardOutput.ReadToEndAsync(Stopping));
            said.Add(await served.StandardError.ReadToEndAsync(Stopping));
            Assert.DoesNotContain(said, s => s.Contains(Canary, StringComparison.Ordinal));
        }
        finally
        {
            served.Kill(entireProcessTree: true);
            await server.StopAtOnceAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>Where it serves, as it says itself.</summary>
    private static async Task<Uri> AddressAsync(Process served, List<string>? said = null)
    {
        string? line;
        do
        {
            line = await served.StandardOutput.ReadLineAsync(Stopping).AsTask().WaitAsync(Patience, Stopping);
            said?.Add(line ?? "");
        }
        while (line?.StartsWith("Dashboard: ", StringComparison.Ordinal) == false);
        Assert.NotNull(line);
        return new Uri(line["Dashboard: ".Length..]);
    }

    private static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Name is "release" ? "Release" : "Debug";

    /// <summary>Packs projects into a feed, all of one version: a new one each time, for the cache of packages would serve the one before.</summary>
    private static async Task<string> PackAsync(string feed, params string[] projects)
    {
        var version = $"0.0.1-test.{Guid.NewGuid():N}";
        foreach (var project in projects)
            await RunAsync(Browser.Root, "pack", $"src/{project}", "-c", Configuration, "--no-build", "-o", feed, "-v", "quiet", $"-p:Version={version}");
        return version;
    }

    private static Task<string> RunAsync(string at, params string[] arguments) => SaidAsync("dotnet", at, arguments);

    /// <summary>What a program says that must end well.</summary>
    private static async Task<string> SaidAsync(string program, string at, params string[] arguments)
    {
        using var process = StartProgram(program, at, null, arguments);
        var (said, wrong) = (process.StandardOutput.ReadToEndAsync(Stopping), process.StandardError.ReadToEndAsync(Stopping));
        try
        {
            await process.WaitForExitAsync(Stopping).WaitAsync(Patience, Stopping);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await said}{await wrong}");
        return await said;
    }

    private static Process Start(string at, params string[] arguments) => StartProgram("dotnet", at, null, arguments);

    private static Process Start(string at, (string Name, string Value)? variable, params string[] arguments) => StartProgram("dotnet", at, variable, arguments);

    private static Process StartProgram(string program, string at, (string Name, string Value)? variable, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = at, RedirectStandardOutput = true, RedirectStandardError = true };
        // Helpers of the build would keep the pipes open, and settings of this test's process are not the program's.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        string[] own = ["TESTINGPLATFORM", "MSBuild", "PAMPA_"];
        foreach (var name in start.Environment.Keys.Where(k => Array.Exists(own, o => k.StartsWith(o, StringComparison.Ordinal))).ToList())
            start.Environment.Remove(name);
        // A program that is no argument of dotnet looks for the runtime in the usual places; here it may be elsewhere: that of this process.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        if (variable is var (set, value)) start.Environment[set] = value;
        return Process.Start(start)!;
    }
}
