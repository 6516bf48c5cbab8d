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
    public Signals(Action<string> tell)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (Interlocked.Increment(ref received) > 1) Environment.Exit(ExitCode.SecondSignal);
                tell("Stopping; a second signal ends the program at once.");
                stopping.Cancel();
            }));
        }
    }

    public CancellationToken Stopping => stopping.Token;

    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        stopping.Dispose();
    }
}
