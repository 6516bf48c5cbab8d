namespace Pampa.Hosting;

/// <summary>The token of one run, and why it was cancelled.</summary>
internal sealed class RunToken : IDisposable
{
    public const string Stopping = "the program is stopping";
    public const string Overdue = "it has taken longer than its MaxDuration";
    private const string Lost = "the process has lost its lease";
    private readonly CancellationTokenSource source = new();
    private readonly CancellationTokenRegistration[] registrations;
    private readonly CancellationTokenSource? end;
    private string? reason;

    public RunToken(TimeSpan? most, TimeProvider time, CancellationToken lost, CancellationToken stopping)
    {
        if (most is { } duration) end = new CancellationTokenSource(duration, time);
        registrations =
        [
            lost.UnsafeRegister(_ => Cancel(Lost), null), stopping.UnsafeRegister(_ => Cancel(Stopping), null),
            (end?.Token ?? CancellationToken.None).UnsafeRegister(_ => Cancel(Overdue), null),
        ];
    }

    public CancellationToken Token => source.Token;

    public string? Reason => Volatile.Read(ref reason);

    // On the pool: what the code has registered must not hold up whoever cancels.
    private void Cancel(string why)
    {
        if (Interlocked.CompareExchange(ref reason, why, null) is null) _ = source.CancelAsync();
    }

    /// <summary>The run has ended. Its token may be looked at still.</summary>
    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        end?.Dispose();
    }
}
