using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Leading, for whoever does something beside the three steps.</summary>
internal sealed partial class Dispatcher
{
    /// <summary>The term, taken or renewed if it is time to; null while another process leads.</summary>
    public Task<LeaseTerm?> LeadAsync(CancellationToken stopping) => LeadingAsync(Task.FromResult, stopping);
}
