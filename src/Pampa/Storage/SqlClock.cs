namespace Pampa.Storage;

/// <summary>
/// The database's clock as SQL. Tests put a function of their own here; everything else in the statements stays as it
/// is.
/// </summary>
/// <param name="Now">The transaction's start.</param>
/// <param name="Wall">The wall clock.</param>
internal sealed record SqlClock(string Now, string Wall);
