using System.Globalization;
using System.Text;

namespace Pampa.Commands;

/// <summary>
/// The file that this process's error output goes to, where whoever has started it lets that be appended to <c>errors.log</c> beside the log.
/// Nobody else rolls it, and every line of the log goes there, too: of one that has grown large only the end is kept.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="open">Opens the error output itself, behind all that is in the file.</param>
internal sealed class ErrorOutput(string path, Func<Stream> open)
{
    /// <summary>In bytes; a file may grow beyond it between two looks.</summary>
    public const long LargestFile = 1024 * 1024;

    /// <summary>What is kept of a larger one.</summary>
    public const int Kept = 256 * 1024;

    private const string Name = "errors.log";
    private const string Flags = "flags:";
    private const int AppendFlag = 0x400;

    /// <summary>The one of this process; null: its error output goes elsewhere, which is nothing to be cut.</summary>
    /// <param name="folder">Where the log is.</param>
    public static ErrorOutput? Find(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!OperatingSystem.IsLinux() || !File.Exists(path)) return null;
        try
        {
            // By whatever links the folder is named, it is the same file.
            using var file = OpenFile(path);
            var (own, there) = (Link("2"), Link(file.SafeFileHandle.DangerousGetHandle().ToString(CultureInfo.InvariantCulture)));
            // One that is not appended to would have a hole where it was cut.
            return own is not null && own == there && IsAppended() ? new ErrorOutput(path, Console.OpenStandardError) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is not ours to write to, so it is not ours to cut.
            return null;
        }
    }

    private static string? Link(string descriptor) => File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false)?.FullName;

    private static bool IsAppended()
    {
        var flags = File.ReadLines("/proc/self/fdinfo/2").FirstOrDefault(line => line.StartsWith(Flags, StringComparison.Ordinal));
        return flags is not null && (Convert.ToInt64(flags[Flags.Length..].Trim(), 8) & AppendFlag) != 0;
    }

    private static FileStream OpenFile(string path) => new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>Keeps the end of it where it has grown large. What is written at that very moment may be lost.</summary>
    public void Cut()
    {
        try
        {
            using var file = OpenFile(path);
            var length = file.Length;
            if (length <= LargestFile) return;
            var end = new byte[Kept];
            file.Seek(-Kept, SeekOrigin.End);
            var read = file.ReadAtLeast(end, Kept, throwOnEndOfStream: false);
            file.SetLength(0);
            var from = end.AsSpan(0, read).IndexOf((byte)'\n') + 1;
            using var errors = open();
            var cut = string.Create(CultureInfo.InvariantCulture, $"… {length - read + from:N0} bytes before this were cut, for the file had grown large\n");
            errors.Write(Encoding.UTF8.GetBytes(cut));
            errors.Write(end.AsSpan(from, read - from));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk that is full, say: it is tried again.
        }
    }
}
