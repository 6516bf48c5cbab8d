using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Pampa.Ssh.Tests.Servers.QuickFirst))]

namespace Pampa.Ssh.Tests.Servers;

/// <summary>
/// Those first that need no published program: it is made meanwhile, and whoever waits for it keeps another test from running.
/// </summary>
public sealed class QuickFirst : ITestCollectionOrderer
{
    private static readonly string[] Waiting =
    [
        nameof(UpTests), nameof(UnchangedTests), nameof(DeliveryTests), nameof(RebootTests), nameof(RecoveryTests), nameof(GoingBackTests),
        nameof(NamespaceTests), nameof(LineTests), nameof(ServiceTests),
    ];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        // Of those that wait the longest first.
        [.. testCollections.OrderBy(c => 1 + Array.FindIndex(Waiting, name => c.TestCollectionDisplayName.Contains($".{name} ", StringComparison.Ordinal)))];
}
