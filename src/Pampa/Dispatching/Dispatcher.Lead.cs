using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Leading, for whoever does something beside the three steps.</summary>
internal sealed partial class Dispatcher
{
    /// <summary>The term, taken or renewed if it is time to; null while another process leads.</summary>
    public Task<LeaseTerm?> LeadAsync(CancellationToken stopping) => LeadingAsync(Task.FromResult, stopping);

    /// <summary>
    /// The first half of the second step, for who waits between the two: what dead workers held and what is overdue. Returns how many records
    /// that were.
    /// </summary>
    public Task<int> TakeBackAsync(CancellationToken stopping) => LeadingAsync(async term =>
    {
        await WatchAsync(isAsked: true, stopping);
        return await ReclaimAsync(term, isAsked: true, stopping);
    }, stopping);

    /// <summary>The other half: what is to run again. Returns how many records that are.</summary>
    public Task<int> RelaunchEndedAsync(CancellationToken stopping) => LeadingAsync(async term =>
    {
        await WatchAsync(isAsked: false, stopping);
        return await Relauncher.RelaunchAsync(term, roster.IsHeld, isAsked: true, stopping);
    }, stopping);
}
