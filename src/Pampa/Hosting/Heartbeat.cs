using Pampa.Jobs;
using Pampa.Working;

namespace Pampa.Hosting;

/// <summary>
/// Renews the workers' leases on a thread and a connection of their own, from the registration until the last handler
/// has ended.
/// </summary>
internal sealed class Heartbeat(Membership membership, TimeSpan every, DatabaseHealth health, Signal lost) : IDisposable
{
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);
    private readonly ManualResetEventSlim stop = new();
    private Thread? thread;
    private Watchdog? watchdog;

    // The thread's signs of life.
    private readonly Pulse pulse = new("heartbeat");

    /// <summary>Begins, under watch.</summary>
    public void Start(Watchdog by)
    {
        watchdog = by;
        by.Watch(pulse);
        thread = new Thread(Run) { IsBackground = true, Name = "pampa heartbeat", Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    private void Run()
    {
        Connect();
        var wait = every;
        while (!pulse.Rest(() => stop.Wait(wait)))
        {
            try
            {
                membership.Beat();
                wait = every;
                if (membership.IsLost) lost.Set();
            }
            catch (Exception e)
            {
                // Whatever it is: an error that left this thread would end the process without a stop in order.
                health.Failed(e);
                wait = RetryEvery < every ? RetryEvery : every;
            }
        }
    }

    // Before there are handlers: to connect while they hold all threads may take longer than a lease.
    private void Connect()
    {
        try
        {
            membership.Connect();
        }
        catch (Exception e)
        {
            // The first beat tries again.
            health.Failed(e);
        }
    }

    /// <summary>Ends the thread; a beat that is under way is waited for, but not for ever.</summary>
    public void Dispose()
    {
        stop.Set();
        watchdog?.Leave(pulse);
        if (thread is null || thread.Join(TimeSpan.FromSeconds(5))) stop.Dispose();
    }
}
