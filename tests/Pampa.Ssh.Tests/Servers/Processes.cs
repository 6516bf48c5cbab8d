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
