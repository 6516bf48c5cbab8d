namespace Pampa;

/// <summary>
/// Thrown when a program cannot start as it is configured. It lists everything that is wrong, each with where, what was
/// expected, what was found and how to mend it.
/// </summary>
public sealed class PampaConfigurationException : Exception
{
    /// <summary>Makes the exception from the list of what is wrong.</summary>
    /// <param name="errors">At least one sentence.</param>
    public PampaConfigurationException(IReadOnlyList<string> errors)
        : base(string.Join(Environment.NewLine, errors)) => Errors = errors;

    /// <summary>One sentence for each thing that is wrong.</summary>
    public IReadOnlyList<string> Errors { get; }
}

/// <summary>
/// Throw it from a handler when trying again cannot help: the task fails for good with this text, whatever attempts are
/// left.
/// </summary>
public class PermanentFailureException : Exception
{
    /// <summary>Fails the task for good.</summary>
    /// <param name="message">Stored in the record's error column.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public PermanentFailureException(string message, Exception? innerException = null) : base(message, innerException)
    {
    }
}

/// <summary>
/// Throw it from a handler to put the task off: it becomes due again later, no attempt is counted and the columns that
/// the handler has set are written.
/// </summary>
public sealed class SnoozeException : Exception
{
    /// <summary>Puts the task off for a while.</summary>
    /// <param name="delay">From now by the database's clock. Below zero counts as zero; at most ten years.</param>
    public SnoozeException(TimeSpan delay) : base($"snoozed for {delay}") => Delay = delay;

    /// <summary>Puts the task off until a moment.</summary>
    /// <param name="until">The moment; one in the past means now.</param>
    public SnoozeException(DateTimeOffset until) : base($"snoozed until {until:u}") => Until = until;

    /// <summary>The wait, if it was given so.</summary>
    public TimeSpan? Delay { get; }

    /// <summary>The moment, if it was given so.</summary>
    public DateTimeOffset? Until { get; }
}
