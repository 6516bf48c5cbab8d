using System.Runtime.InteropServices;

namespace Pampa.Bench.Comparing;

/// <summary>SIGTERM as a token, for a process that ends what it has begun.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration registration;

    public StopSignal() => registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
    {
        signal.Cancel = true;
        source.Cancel();
    });

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        registration.Dispose();
        source.Dispose();
    }
}
