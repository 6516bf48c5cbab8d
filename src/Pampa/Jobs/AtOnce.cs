namespace Pampa.Jobs;

/// <summary>Whether tasks of a job may be started for a worker as they are reserved.</summary>
/// <param name="Started">How many started tasks it has, the one that runs with them; null: none may be started now.</param>
/// <param name="IsInTurn">Whether the job takes turns with another one: what is reserved waits in the worker's hand, as it does for other processes.</param>
internal readonly record struct AtOnce(int? Started, bool IsInTurn)
{
    /// <summary>Nothing may be reserved for it now.</summary>
    public static AtOnce NotNow => default;

    /// <summary>It may, but not started.</summary>
    public static AtOnce InTurn => new(null, IsInTurn: true);

    /// <summary>They may be, behind so many.</summary>
    public static AtOnce Behind(int started) => new(started, IsInTurn: false);
}
