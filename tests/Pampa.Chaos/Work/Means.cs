namespace Pampa.Chaos.Work;

/// <summary>The ways in which a task comes to its end.</summary>
internal enum Means
{
    /// <summary>With others, in one statement.</summary>
    Plain,

    /// <summary>In a transaction that the handler writes in, too.</summary>
    Transaction,

    /// <summary>By a handler that is given many at once.</summary>
    Batch,

    /// <summary>Together with the statements of hooks.</summary>
    Hooks,
}
