using System.Diagnostics;
using Pampa.Servers;
using Pampa.Ssh.Remote;

namespace Pampa.Ssh.Tests;

/// <summary>The script, run here, beside tools that say or do what those of another computer would.</summary>
public sealed class ScriptTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-kind-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("x86_64", "64", true, false, "linux-x64")]
    [InlineData("x86_64", "64", false, true, "linux-musl-x64")]
    // The library of musl is installed beside glibc.
    [InlineData("x86_64", "64", true, true, "linux-x64")]
    [InlineData("aarch64", "64", true, false, "linux-arm64")]
    // As on a Raspberry Pi.
    [InlineData("aarch64", "32", true, false, "linux-arm")]
    [InlineData("armv7l", "32", false, true, "linux-musl-arm")]
    [InlineData("s390x", "64", true, false, "linux-s390x")]
    [InlineData("x86_64", "32", true, false, "")]
    [InlineData("i686", "32", true, false, "")]
    [InlineData("armv6l", "32", true, false, "")]
    // Without the tool the kernel's word counts.
    [InlineData("x86_64", "", false, false, "linux-x64")]
    public async Task What_counts_is_what_the_programs_of_a_computer_are_made_for(string machine, string bits, bool hasGlibc, bool hasMusl, string runtime)
    {
        await ToolAsync("uname", $"[ \"$1\" = -m ] && echo {machine} || echo Linux");
        await ToolAsync("getconf", $"case $1 in LONG_BIT) [ -z '{bits}' ] && exit 1; echo {bits} ;; GNU_LIBC_VERSION) {(hasGlibc ? "echo glibc 2.36" : "exit 1")} ;; *) exit 1 ;; esac");
        await ToolAsync("ls", $"case $1 in /lib/ld-musl-*) exit {(hasMusl ? 0 : 2)} ;; esac; exec /bin/ls \"$@\"");
        var (code, said) = await RunAsync("probe");
        var facts = NodeFacts.Read(said);
        Assert.Equal((0, runtime), (code, facts.Runtime));
        Assert.StartsWith(machine, facts.Computer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_is_cancelled_before_it_has_begun_does_not_begin()
    {
        await ToolAsync("setsid", "sleep 1; exec /usr/bin/setsid \"$@\"");
        var (code, _) = await RunAsync("exec", "touch", Path.Combine(folder, "begun")).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(143, code);
        Assert.False(File.Exists(Path.Combine(folder, "begun")));
    }

    /// <summary>Gives an order, whose input is at its end.</summary>
    private async Task<(int Code, string Said)> RunAsync(string order, params string[] words)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", NodeAgent.Script.Value, "pampa", order, folder, "none", "x.service", .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PATH"] = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, said);
    }

    private async Task ToolAsync(string name, string script)
    {
        var file = Path.Combine(folder, name);
        await File.WriteAllTextAsync(file, $"#!/bin/sh\n{script}\n", TestContext.Current.CancellationToken);
        await Tool.RunAsync("chmod", "755", file);
    }
}
