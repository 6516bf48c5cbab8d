using System.Data.Common;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>
/// The leader's lease. Leading is an optimisation: two leaders waste work and corrupt nothing, for each of their writes
/// carries the term. Trust is measured on the monotonic clock from before the request.
/// </summary>
internal sealed class Leadership(ClusterStore store, string scope, string holder, TimeSpan ttl, TimeProvider time)
{
    private long trustedFrom;
    private long triedAt;

    /// <summary>The current term, or null while another process leads.</summary>
    public LeaseTerm? Term { get; private set; }

    /// <summary>How often a process that does not lead tries to.</summary>
    public TimeSpan ElectionInterval => ttl / 3;

    /// <summary>How long something may take during which nobody renews the lease: it may begin just before that is due.</summary>
    public TimeSpan LongestStep => (store.TrustOf(ttl) - ttl / 3) * 2 / 3;

    /// <summary>
    /// Takes or renews the lease when it is time to. Returns the term while it can be trusted; a lease that could not
    /// be renewed in time is given up, whatever the database would say by now.
    /// </summary>
    public async Task<LeaseTerm?> EnsureAsync(CancellationToken stopping)
    {
        if (Term is not null && !IsTrusted) Term = null;
        if (triedAt != 0 && time.GetElapsedTime(triedAt) < ttl / 3) return Term;
        var before = time.GetTimestamp();
        triedAt = before;
        if (Term is { } term && !await store.RenewAsync(term, ttl, stopping, mayBeForgotten: true)) Term = null;
        if (Term is null)
        {
            var dead = (await store.ReadProcessesAsync(stopping)).FindAll(ProcessIdentity.IsDead);
            Term = await store.AcquireAsync(scope, holder, ProcessIdentity.Current, ttl, dead, stopping);
        }
        if (Term is not null) trustedFrom = before;
        return Term;
    }

    /// <summary>Renews the lease beside something that may take longer than it lasts.</summary>
    public async Task<T> KeepAsync<T>(Func<Task<T>> stepAsync, CancellationToken stopping)
    {
        using var isOver = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var keeping = KeepUntilAsync(isOver.Token, stopping);
        try
        {
            return await stepAsync();
        }
        finally
        {
            await isOver.CancelAsync();
            await keeping;
        }
    }

    private async Task KeepUntilAsync(CancellationToken isOver, CancellationToken stopping)
    {
        while (true)
        {
            await Task.Delay(ttl / 12, time, isOver).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (isOver.IsCancellationRequested) return;
            try
            {
                await EnsureAsync(stopping);
            }
            catch (Exception e) when (e is OperationCanceledException or DbException or TimeoutException)
            {
                // A standby's try locks the row for a moment, too: the next one comes while the lease is trusted. What lasts whoever renews it
                // after the step meets again.
            }
        }
    }

    private bool IsTrusted => time.GetElapsedTime(trustedFrom) < store.TrustOf(ttl);

    /// <summary>Gives the lease up, so that another process need not wait for its end.</summary>
    public async Task ResignAsync(CancellationToken stopping)
    {
        if (Term is not { } term) return;
        Term = null;
        await store.ResignAsync(term, stopping);
    }
}
