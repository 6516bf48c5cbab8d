using System.Diagnostics;
using System.Globalization;
using System.Text;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.EndToEnd;

/// <summary>A program that a test has started on a terminal of its own: what it writes there, and what is typed.</summary>
internal sealed class TerminalChild : IAsyncDisposable
{
    public const string CtrlC = "\u0003";
    private const int Height = 24;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly Process process;
    private readonly StringBuilder written = new();
    private readonly int width;
    private Task reading = Task.CompletedTask;

    private TerminalChild(Process process, string folder, int width)
    {
        this.process = process;
        this.width = width;
        Folder = folder;
    }

    /// <summary>Where it runs.</summary>
    public string Folder { get; }

    /// <summary>Why there can be no terminal, or null where there can.</summary>
    public static string? WhyNot =>
        OperatingSystem.IsLinux() && File.Exists("/usr/bin/script") ? null : "Terminals are made with script of util-linux (looked for /usr/bin/script).";

    public static TerminalChild Start(string program, string folder, int width, string[] arguments, params (string Name, string Value)[] environment)
    {
        // The shell gives its process to the program, so its number is the program's.
        var line = $"stty cols {width} rows {Height}; tty >tty; echo $$ >pid; exec '{program}' {string.Join(' ', arguments.Select(a => $"'{a}'"))}";
        var start = new ProcessStartInfo("/usr/bin/script")
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in (string[])["-qfec", line, "/dev/null"]) start.ArgumentList.Add(argument);
        Child.Clean(start);
        foreach (var name in (string[])["CI", "NO_COLOR", "LC_ALL", "SHELL"]) start.Environment.Remove(name);
        start.Environment["TERM"] = "xterm-256color";
        start.Environment["LANG"] = "C.UTF-8";
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new TerminalChild(Process.Start(start)!, folder, width);
    }

    /// <summary>From now on what it writes is taken from it; a terminal on which nobody does so stands still.</summary>
    public TerminalChild Read()
    {
        reading = Task.Run(async () =>
        {
            var letters = new char[4_096];
            using var reader = new StreamReader(process.StandardOutput.BaseStream, Encoding.UTF8);
            while (await reader.ReadAsync(letters) is > 0 and var count)
            {
                lock (written) written.Append(letters, 0, count);
            }
        });
        return this;
    }

    /// <summary>All that it has written, with what commands the terminal.</summary>
    public string Written
    {
        get
        {
            lock (written) return written.ToString();
        }
    }

    /// <summary>What a person sees.</summary>
    public ScreenTerminal Screen
    {
        get
        {
            var screen = new ScreenTerminal(width, Height);
            screen.Write(Written);
            return screen;
        }
    }

    public async Task TypeAsync(string keys)
    {
        await process.StandardInput.WriteAsync(keys);
        await process.StandardInput.FlushAsync();
    }

    public void Resize(int columns) => Run("stty", "-F", Note("tty"), "cols", columns.ToString(CultureInfo.InvariantCulture));

    public void Terminate() => Run("kill", "-TERM", Note("pid"));

    /// <summary>Whether the program has ended, though the terminal may still have what it wrote.</summary>
    public bool IsGone
    {
        get
        {
            try
            {
                return File.ReadAllText($"/proc/{Note("pid")}/stat").Split(')')[^1].Trim().StartsWith('Z');
            }
            catch (IOException)
            {
                return true;
            }
        }
    }

    private string Note(string name) => File.ReadAllText(Path.Combine(Folder, name)).Trim();

    /// <summary>Lets handlers go on that wait for it.</summary>
    public void Go() => File.WriteAllText(Path.Combine(Folder, "go"), "");

    public Task SeeAsync(string text) => UntilAsync(() => Task.FromResult(Written.Contains(text, StringComparison.Ordinal)), text);

    public async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, $"It has not come to this: {what}. The program wrote: {Written}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>Waits for the end and returns the exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            await reading.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The program did not end within {Patience}: {Written}");
        }
        return process.ExitCode;
    }

    private static void Run(string tool, params string[] arguments)
    {
        using var run = Process.Start(tool, arguments);
        run.WaitForExit();
        Assert.Equal(0, run.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        process.Dispose();
    }
}
