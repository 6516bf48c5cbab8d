using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Throws away what the cluster's tables say of nodes and workers that are gone for good.</summary>
internal sealed class Housekeeping(ClusterTables tables, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromHours(1);
    private readonly Pace forgetting = new(ForgetEvery, time);

    public async Task RunAsync(IReadOnlyList<DeadWorker> dead, CancellationToken stopping)
    {
        try
        {
            await tables.Exchange.ForgetDeadNodesAsync(stopping);
        }
        catch (DbException e) when (tables.Cluster.Classify(e) == ErrorKind.Locked)
        {
            // It has time until the next pass; the records have not.
            Log.DeadNodesLocked(log, e.Message);
        }
        if (!forgetting.IsDue) return;
        var began = time.GetTimestamp();
        try
        {
            await tables.Cluster.ForgetWorkersAsync(dead, stopping);
        }
        catch (DbException e) when (tables.Cluster.Classify(e) is not (ErrorKind.Infrastructure or ErrorKind.Retry))
        {
            // To keep house is not worth a turn of the leader.
            Log.NotForgotten(log, e.Message);
        }
        finally
        {
            forgetting.End(began);
        }
    }
}
