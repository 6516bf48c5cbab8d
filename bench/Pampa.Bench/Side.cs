namespace Pampa.Bench;

/// <summary>Somebody who works on the table: a build of the product, or the raw limit.</summary>
/// <param name="Title">For the reader.</param>
/// <param name="Program">The program that is started, also to make the table ready.</param>
internal abstract record Side(string Title, string Program)
{
    /// <summary>Works on all records and returns what the client used for it.</summary>
    public abstract Task<ClientUse> WorkAsync(Setting setting, string address, CancellationToken stopping);
}

/// <summary>One process that ends when nothing is left.</summary>
/// <param name="Title">For the reader.</param>
/// <param name="Program">The program that is started.</param>
/// <param name="What">What it is told to do.</param>
internal sealed record OneProcess(string Title, string Program, string What) : Side(Title, Program)
{
    /// <summary>The product's arguments, where they are not the usual ones.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    public override Task<ClientUse> WorkAsync(Setting setting, string address, CancellationToken stopping) => Child.RunAsync(
        new ChildOrder(Program, What, setting.Workload, address) { Size = setting.Size, Arguments = Arguments }, stopping);
}

/// <summary>Several processes that are stopped when nothing is left.</summary>
/// <param name="Title">For the reader.</param>
/// <param name="Program">The program that is started.</param>
/// <param name="Processes">Its processes.</param>
internal sealed record SeveralProcesses(string Title, string Program, IReadOnlyList<Member> Processes) : Side(Title, Program)
{
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    public override async Task<ClientUse> WorkAsync(Setting setting, string address, CancellationToken stopping)
    {
        var order = new ChildOrder(Program, ChildOrder.Product, setting.Workload, address);
        await using var members = Members.Start(order, Processes);
        await using var connection = await setting.Database.OpenAsync();
        await members.UntilAsync(
            async () => !await BenchDatabase.IsAnyOpenAsync(connection), "nothing is left", Patience, stopping);
        return await members.StopAsync(stopping);
    }
}
