using System.Diagnostics;
using Pampa.Servers;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>
/// Who logs in: a user made for the test run where it may make one, with a password and a home of its own; else whoever runs the tests,
/// by key alone.
/// </summary>
internal sealed class Account : IAsyncDisposable
{
    private readonly bool isMade;

    private Account(string name, string home, string? password, bool isMade) => (Name, Home, Password, this.isMade) = (name, home, password, isMade);

    public string Name { get; }

    public string Home { get; }

    /// <summary>Null: it has none that is known.</summary>
    public string? Password { get; }

    public static async Task<Account> MakeAsync(string folder)
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/sbin/useradd"))
            return new Account(Environment.UserName, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), null, false);
        var name = $"pampa{Guid.NewGuid():N}"[..16];
        var home = Path.Combine(folder, "home");
        await Tool.RunAsync("/usr/sbin/useradd", "-m", "-d", home, "-s", "/bin/sh", name);
        var password = Guid.NewGuid().ToString("N");
        using var change = Process.Start(new ProcessStartInfo("/usr/sbin/chpasswd") { RedirectStandardInput = true })!;
        await change.StandardInput.WriteLineAsync($"{name}:{password}");
        change.StandardInput.Close();
        await change.WaitForExitAsync();
        Assert.Equal(0, change.ExitCode);
        return new Account(name, home, password, true);
    }

    public async ValueTask DisposeAsync()
    {
        if (!isMade) return;
        // What a test has left, if it failed: it is this user's own.
        await Tool.TryRunAsync("/usr/bin/pkill", "-KILL", "-u", Name);
        // What lies there goes with the folder in which it lies; whoever takes the user away need not wait for that.
        Directory.Move(Home, $"{Home}.gone");
        var clock = Stopwatch.StartNew();
        while (await Tool.TryRunAsync("/usr/sbin/userdel", "-r", Name) is not (0 or 12) && clock.Elapsed < TimeSpan.FromSeconds(10))
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
    }
}
