using System.Diagnostics;
using Pampa.Commands.Confining;
using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>
/// A worker as a process of its own: this very program with the verb <c>worker</c>. It ends in good order when its
/// standard input does, so it never outlives whoever has started it, however that one ends.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>Set for it: end when standard input ends.</summary>
    public const string Variable = "PAMPA_ENDS_WITH_INPUT";

    // What it has started itself may live on and keep its output open.
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(2);
    private static readonly string[] OfLives = [ProcessIdentity.SupervisorVariable, SupervisedLife.LimitsVariable, SupervisedLife.DeathVariable];
    private readonly Process process;
    private readonly Task reading;

    private WorkerProcess(Process process, Task reading)
    {
        this.process = process;
        this.reading = reading;
    }

    public int Id => process.Id;

    /// <summary>Starts one.</summary>
    /// <param name="arguments">What follows the program's name.</param>
    /// <param name="life">What limits it.</param>
    /// <param name="say">Told each line that it prints, on whichever stream.</param>
    public static WorkerProcess Start(IEnumerable<string> arguments, ConfinedLife life, Action<string> say)
    {
        var (program, first) = Self();
        var command = life.Command(program, first.Concat(arguments));
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        foreach (var name in OfLives) start.Environment.Remove(name);
        foreach (var (name, value) in life.Variables) start.Environment[name] = value;
        start.Environment[Variable] = "1";
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} could not be started.");
        return new WorkerProcess(process, Task.WhenAll(ReadAsync(process.StandardOutput, say), ReadAsync(process.StandardError, say)));
    }

    // A program that was published is a file of its own; one that is run by the dotnet tool is an argument of that.
    private static (string Program, IEnumerable<string> First) Self()
    {
        var path = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is not known, so it cannot be started for each worker.");
        var isTool = Path.GetFileNameWithoutExtension(path).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        return (path, isTool ? [Environment.GetCommandLineArgs()[0]] : []);
    }

    private static async Task ReadAsync(StreamReader reader, Action<string> say)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            try
            {
                say(line);
            }
            catch (IOException)
            {
                // Nobody can see it, on a disk that is full, say; but a worker whose output nobody reads would stand still.
            }
        }
    }

    /// <summary>Waits for its end, and a little for the last lines that it prints. Returns the exit code.</summary>
    public async Task<int> EndAsync()
    {
        await process.WaitForExitAsync();
        await reading.WaitAsync(LastLines, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return process.ExitCode;
    }

    /// <summary>Tells it to stop in good order.</summary>
    public void Stop() => process.StandardInput.Close();

    public void Kill() => process.Kill();

    public void Dispose() => process.Dispose();
}
