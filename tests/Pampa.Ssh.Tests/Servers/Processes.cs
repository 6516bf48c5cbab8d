using System.Diagnostics;
using System.Globalization;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>What runs on this computer, as the kernel tells it.</summary>
internal static class Processes
{
    /// <summary>The processes whose command line holds a text.</summary>
    public static List<int> With(string text)
    {
        var found = new List<int>();
        foreach (var folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == Environment.ProcessId) continue;
            try
            {
                var line = File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ');
                if (line.Contains(text, StringComparison.Ordinal)) found.Add(id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }
        return found;
    }

    /// <summary>Whether a process runs; one that is dead and not yet buried does not.</summary>
    public static bool IsAlive(string id)
    {
        var file = $"/proc/{id}/stat";
        return File.Exists(file) && File.ReadAllText(file).Split(") ")[^1][0] is not ('Z' or 'X');
    }

    /// <summary>The clients of OpenSSH that give an order to a node.</summary>
    public static List<int> Clients(string order, string node) => With($"'{order}' 'nodes/{node}'").FindAll(id => Read(id, "cmdline").StartsWith("ssh\0", StringComparison.Ordinal));

    /// <summary>The number of the group that a process is in; to all of one a terminal's signal goes.</summary>
    public static string Group(int id) => Read(id, "stat").Split(") ")[^1].Split(' ') is [_, _, var group, ..] ? group : "";

    private static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText(FormattableString.Invariant($"/proc/{id}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    /// <summary>Waits until something has come to pass.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what, int seconds = 20)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds), $"It has not come to this: {what}.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
