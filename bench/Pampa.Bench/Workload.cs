using Pampa.Storage;

namespace Pampa.Bench;

/// <summary>
/// What is worked on. The only file that knows the product: everything else sees processes and tables, so that builds
/// of any age can be compared.
/// </summary>
internal sealed record Workload(string Name, bool WritesResult)
{
    public const string Table = "numbers";
    public const string Prefix = "odd_checking";

    /// <summary>The job of samples/numbers.cs: a result column is written with the completion.</summary>
    public static Workload Numbers { get; } = new("numbers", WritesResult: true);

    /// <summary>The same table without a result, and a handler that does nothing.</summary>
    public static Workload Noop { get; } = new("noop", WritesResult: false);

    public static Workload Parse(string name) => name switch
    {
        "numbers" => Numbers,
        "noop" => Noop,
        _ => throw new ArgumentException($"there is no job '{name}': numbers or noop"),
    };

    /// <summary>
    /// Runs the product as its users do, until nothing is left. The database is the one that the environment names.
    /// </summary>
    public Task<int> RunProductAsync() => PampaApp.RunAsync(["--drain"], Configure);

    private void Configure(PampaBuilder pampa)
    {
        // Without the records: they come from elsewhere, so that the time to make them is not measured.
        var result = WritesResult ? ", is_odd boolean" : "";
        pampa.Setup($"CREATE TABLE IF NOT EXISTS {Table} (value bigint PRIMARY KEY{result})");
        pampa.AddJob(WritesResult ? "search_odd_numbers" : "noop", Table, "value", job =>
        {
            job.Columns = TaskColumns.WithPrefix(Prefix);
            job.MaxAssignedWorkers = 5;
            if (WritesResult) job.Process(task => task["is_odd"] = task.Get<long>("value") % 2 != 0);
            else job.Process(_ => { });
        });
    }

    /// <summary>A PostgreSQL's address (a URL, or <c>env:NAME</c> of a variable that holds one), for Npgsql.</summary>
    public static string PostgresSettings(string address)
    {
        if (address.StartsWith("env:", StringComparison.Ordinal))
        {
            address = Environment.GetEnvironmentVariable(address[4..])
                ?? throw new ArgumentException($"{address} is not set");
        }
        else if (DatabaseAddress.HasPassword(address))
        {
            throw new ArgumentException(
                "--postgres: a password on the command line is seen by everybody: use env:NAME");
        }
        return DatabaseAddress.Parse(address).ConnectionString;
    }
}
