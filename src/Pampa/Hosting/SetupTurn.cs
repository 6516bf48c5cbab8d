using System.Data.Common;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>
/// Several processes may start together: a lease lets one of them change the database while the others wait for it. However many they
/// are, each has its turn.
/// </summary>
internal sealed class SetupTurn(Database database, ClusterStore store, TimeProvider time)
{
    private const string Scope = "setup";
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ShortWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ResignFor = TimeSpan.FromSeconds(5);
    private readonly string holder = $"{ProcessIdentity.Current}/{Guid.NewGuid():N}";
    private readonly Telling telling = new(time);
    private long? lockedSince;

    /// <summary>Told whom it waits for, where that takes a while; null: nobody is.</summary>
    public Action<string>? Waits { get; init; }

    /// <summary>Runs something while nobody else does.</summary>
    /// <exception cref="PampaConfigurationException">Somebody holds the lease's row locked for as long as a lease lasts.</exception>
    public async Task<T> RunAsync<T>(Func<Task<T>> runAsync, CancellationToken stopping)
    {
        LeaseTerm? lease;
        var began = time.GetTimestamp();
        while ((lease = await TryAsync(began, stopping)) is null) await Task.Delay(LookEvery, time, stopping);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var renewing = RenewAsync(lease, done.Token);
        try
        {
            return await runAsync();
        }
        finally
        {
            await done.CancelAsync();
            await renewing;
            await ResignAsync(lease);
        }
    }

    private async Task<LeaseTerm?> TryAsync(long began, CancellationToken stopping)
    {
        var dead = (await store.ReadProcessesAsync(stopping)).FindAll(ProcessIdentity.IsDead);
        // Looked at first: each try locks the row and is written to the disk, also in vain. Many who try again and again would keep each
        // other, and whoever wants to renew it or give it back, waiting for longer than anybody may.
        if (await store.ReadHolderAsync(Scope, stopping) is { } other && !dead.Contains(other.Process))
        {
            lockedSince = null;
            if (time.GetElapsedTime(began) >= ShortWait && telling.IsDue(out _))
                Waits?.Invoke($"The start waits for {ProcessIdentity.Describe(other.Process)}, which changes what this database holds for the program");
            return null;
        }
        try
        {
            var lease = await store.AcquireAsync(Scope, holder, ProcessIdentity.Current, Lease, dead, stopping);
            lockedSince = null;
            return lease;
        }
        catch (Exception e) when (IsCrowded(e))
        {
            // Others are trying at this very moment, one of whom gets it. Who neither gets it nor lets go is none of them.
            if (time.GetElapsedTime(lockedSince ??= time.GetTimestamp()) < Lease) return null;
            throw new PampaConfigurationException([$"For {Lease.TotalSeconds:0} s somebody has held the row of table pampa_lease locked by which processes that begin take turns (scope 'setup'; {e.Message}). End the transaction that holds it, and try again."]);
        }
    }

    private async Task RenewAsync(LeaseTerm lease, CancellationToken done)
    {
        while (true)
        {
            await Task.Delay(Lease / 3, time, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (done.IsCancellationRequested) return;
            try
            {
                // Where it is somebody else's by now, Setup goes on: its statements do no harm when they are run twice.
                if (!await store.RenewAsync(lease, Lease, done)) return;
            }
            catch (Exception e) when (e is OperationCanceledException or DbException or TimeoutException)
            {
                // Setup itself meets the same error, if it lasts; what passes is no reason to let others in beside it.
            }
        }
    }

    private async Task ResignAsync(LeaseTerm lease)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                await store.ResignAsync(lease, CancellationToken.None);
                return;
            }
            catch (Exception e) when (IsCrowded(e) || database.Dialect.Classify(e) == ErrorKind.Infrastructure)
            {
                // What has been done is done, or its own error says more; and the lease ends by itself.
                if (time.GetElapsedTime(began) >= ResignFor) return;
                await Task.Delay(LookEvery, time, CancellationToken.None);
            }
        }
    }

    private bool IsCrowded(Exception error) => database.Dialect.Classify(error) is ErrorKind.Locked or ErrorKind.Retry;
}
