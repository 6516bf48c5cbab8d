using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Pampa.Commands;

/// <summary>What the terminal can do.</summary>
internal sealed record Terminal(bool HasUnicode, ColorSystem Colors)
{
    private const int UsualWidth = 80;
    private const int UsualHeight = 24;
    private const int StandardOutput = 1;

    // A picture goes out as a whole, or another process may write into it.
    private const int AtOnce = 16_384;

    /// <summary>
    /// Whether a table that moves is welcome: not where output is kept (a file, a pipe, a build's log), nor on a
    /// terminal that cannot, nor where somebody has asked for lines.
    /// </summary>
    public static bool IsForPeople(bool isPlain, bool isRedirected, Func<string, string?> environment) =>
        !isPlain && !isRedirected && environment("TERM") is not ("dumb" or "") && !IsSet(environment("CI"));

    /// <summary>Whether what is written there comes to a terminal.</summary>
    public static bool IsOn(TextWriter writer) => ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected;

    private static bool IsSet(string? value) => value is { Length: > 0 } && !string.Equals(value, "false", StringComparison.OrdinalIgnoreCase);

    /// <summary>The terminal of this process, or null where it obeys no control sequences.</summary>
    public static Terminal? Find(TextWriter writer, Func<string, string?> environment)
    {
        var profile = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Interactive = InteractionSupport.No }).Profile;
        if (!profile.Capabilities.Ansi) return null;
        // Whatever its value: that is the convention.
        var colors = environment("NO_COLOR") is { Length: > 0 } ? ColorSystem.NoColors : profile.Capabilities.ColorSystem;
        return new Terminal(profile.Capabilities.Unicode, colors);
    }

    /// <summary>
    /// A way to it past the console's writers. Those write under the lock of whatever is <see cref="Console.Out"/>, and
    /// that is a writer of the display's: its callers hold that lock when they wait for the display, which must not wait
    /// for it in turn.
    /// </summary>
    public static TextWriter Open(TextWriter console) => OperatingSystem.IsWindows()
        ? console
        : new StreamWriter(new FileStream(new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0), console.Encoding, AtOnce);

    /// <summary>Its size now; people change it.</summary>
    public static (int Width, int Height) Size()
    {
        try
        {
            var (width, height) = (Console.WindowWidth, Console.WindowHeight);
            return (width > 0 ? width : UsualWidth, height > 0 ? height : UsualHeight);
        }
        catch (IOException)
        {
            return (UsualWidth, UsualHeight);
        }
    }
}
