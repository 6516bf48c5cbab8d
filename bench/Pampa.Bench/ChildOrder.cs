namespace Pampa.Bench;

/// <summary>What a process of its own is started for.</summary>
/// <param name="Program">The program: a build of the bench.</param>
/// <param name="What">What it is told to do.</param>
/// <param name="Workload">On what.</param>
/// <param name="Address">The database.</param>
internal sealed record ChildOrder(string Program, string What, Workload Workload, string Address)
{
    /// <summary>Makes the table ready for the job, as the first start of a user's program does.</summary>
    public const string Prepare = "prepare";

    /// <summary>Runs the product's own command line.</summary>
    public const string Product = "product";

    /// <summary>How many records there are; only the raw limit has to know.</summary>
    public int Size { get; init; }

    /// <summary>Whether an INSERT shall wake the product, where it can be woken.</summary>
    public bool Wakes { get; init; }

    /// <summary>The product's arguments; where there are none it works until nothing is left.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>This very program, as it can be started again.</summary>
    public static string OwnProgram => Environment.ProcessPath is { } path
        && !Path.GetFileNameWithoutExtension(path).Equals("dotnet", StringComparison.Ordinal)
            ? path
            : typeof(ChildOrder).Assembly.Location;
}
