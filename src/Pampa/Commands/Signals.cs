using System.Runtime.InteropServices;
using Pampa.Hosting;

namespace Pampa.Commands;

/// <summary>CTRL+C and SIGTERM: the first asks the program to stop in good order, the second ends it.</summary>
internal sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource stopping = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private int received;

    /// <summary>Listens from now on.</summary>
    /// <param name="tell">Tells a line to whoever looks on; must not wait, for the stop would wait with it.</param>
    /// <param name="atOnce">Called before a second signal ends the program; null: nothing is to be done.</param>
    public Signals(Action<string> tell, Action? atOnce = null)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (Interlocked.Increment(ref received) > 1)
                {
                    atOnce?.Invoke();
                    Environment.Exit(ExitCode.SecondSignal);
                }
                // First of all: whoever looks on may stand still.
                stopping.Cancel();
                tell("Stopping; a second signal ends the program at once.");
            }));
        }
        if (Environment.GetEnvironmentVariable(WorkerProcess.Variable) is not { Length: > 0 }) return;
        // What handlers start is not meant.
        Environment.SetEnvironmentVariable(WorkerProcess.Variable, null);
        new Thread(() => StopWithInput(tell)) { IsBackground = true, Name = "pampa input" }.Start();
    }

    // Not a signal: one that comes as well, as CTRL+C does to all processes of a terminal, is still the first.
    private void StopWithInput(Action<string> tell)
    {
        using var input = Console.OpenStandardInput();
        while (input.ReadByte() >= 0)
        {
        }
        if (stopping.IsCancellationRequested) return;
        try
        {
            stopping.Cancel();
            tell("Stopping: whoever has started this process has ended or wants it to.");
        }
        catch (ObjectDisposedException)
        {
            // The program has come to its end meanwhile.
        }
    }

    public CancellationToken Stopping => stopping.Token;

    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        stopping.Dispose();
    }
}
