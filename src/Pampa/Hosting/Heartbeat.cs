using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// Renews the workers' leases on a thread and a connection of their own, from the registration until the last handler
/// has ended.
/// </summary>
internal sealed class Heartbeat(Membership membership, TimeSpan every, Dialect dialect, DatabaseHealth health, Signal lost) : IDisposable
{
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);
    private readonly ManualResetEventSlim stop = new();
    private Thread? thread;

    public void Start()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "pampa heartbeat", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    private void Run()
    {
        var wait = every;
        while (!stop.Wait(wait))
        {
            try
            {
                membership.Beat();
                wait = every;
                if (membership.IsLost) lost.Set();
            }
            catch (Exception e) when (dialect.Classify(e) is not ErrorKind.Other)
            {
                health.Failed(e);
                wait = RetryEvery < every ? RetryEvery : every;
            }
        }
    }

    /// <summary>Ends the thread; a beat that is under way is waited for.</summary>
    public void Dispose()
    {
        stop.Set();
        thread?.Join(TimeSpan.FromSeconds(5));
        stop.Dispose();
    }
}
