using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Pampa.Ssh.Connecting;

/// <summary>How a command ended.</summary>
internal sealed record SshResult(int Code, string Output, string Errors);

/// <summary>What goes with a command.</summary>
internal sealed record SshOrder(TimeSpan Deadline)
{
    /// <summary>Writes what the command reads; null: nothing.</summary>
    public Func<Stream, CancellationToken, Task>? Send { get; init; }

    /// <summary>Told each line of its output; null: they come with the result.</summary>
    public Action<string>? Output { get; init; }

    /// <summary>Told each line of its errors; null: they come with the result.</summary>
    public Action<string>? Errors { get; init; }

    /// <summary>Its input stays open, and its end asks the command to end.</summary>
    public bool EndsWithInput { get; init; }

    /// <summary>Whether it may ask somebody at the terminal, for the PIN of a key, say; and so gets that one's CTRL+C, too.</summary>
    public bool MayAsk { get; init; }
}

/// <summary>One run of OpenSSH's client. It has a deadline, whatever the network does.</summary>
internal static class SshProcess
{
    private const string Program = "ssh";

    // CTRL+C goes to all processes of the terminal's group, and ends a client at once that is in the middle of a step; in a session of its own
    // it is this program that says when a step ends. There is one on every Linux.
    private static readonly string? Apart = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, "setsid")).FirstOrDefault(File.Exists);
    private const int LongestText = 1_000_000;

    // Longer than a node gives a command that was asked to end.
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(8);

    /// <exception cref="NodeException">There is no such program.</exception>
    /// <exception cref="TimeoutException">The deadline is over.</exception>
    public static async Task<SshResult> RunAsync(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, SshOrder order, CancellationToken stopping)
    {
        using var process = Start(order.MayAsk ? null : Apart, arguments, environment);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        if (order.Deadline != Timeout.InfiniteTimeSpan) deadline.CancelAfter(order.Deadline);
        var output = ReadAsync(process.StandardOutput, order.Output);
        var errors = ReadAsync(process.StandardError, order.Errors);
        try
        {
            if (order.Send is { } send) await SendAsync(process, send, deadline.Token);
            if (!order.EndsWithInput) process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            // The connection's master has what the client was given. Where the client was killed it holds that until the command ends.
            if (order.EndsWithInput) CloseInput(process);
            return new SshResult(process.ExitCode, await output.WaitAsync(deadline.Token), await errors.WaitAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            if (order.EndsWithInput) await AskToEndAsync(process);
            stopping.ThrowIfCancellationRequested();
            throw new TimeoutException();
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static Process Start(string? before, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(before ?? Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var argument in before is null ? arguments : [Program, .. arguments]) start.ArgumentList.Add(argument);
        // Its messages are read.
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in environment) start.Environment[name] = value;
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new NodeException($"OpenSSH's client 'ssh' cannot be started: {e.Message}. Nodes are reached with it: install it (Debian: openssh-client).");
        }
    }

    private static async Task SendAsync(Process process, Func<Stream, CancellationToken, Task> send, CancellationToken stopping)
    {
        try
        {
            await send(process.StandardInput.BaseStream, stopping);
            await process.StandardInput.BaseStream.FlushAsync(stopping);
        }
        catch (IOException)
        {
            // It does not read on: why, it says when it ends.
        }
    }

    private static void CloseInput(Process process)
    {
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has read all that it will.
        }
    }

    private static async Task AskToEndAsync(Process process)
    {
        using var patience = new CancellationTokenSource(EndTime);
        try
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync(patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // It does not hear; then its connection is cut.
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, Action<string>? tell)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync() is { } line)
        {
            if (tell is not null) tell(line);
            else if (text.Length < LongestText) text.Append(line).Append('\n');
        }
        return text.ToString();
    }
}
