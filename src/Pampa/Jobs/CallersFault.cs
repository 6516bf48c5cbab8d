namespace Pampa.Jobs;

/// <summary>Errors that the caller or the program has made, marked so that the command line can tell them from faults.</summary>
internal static class CallersFault
{
    public const string Mark = "Pampa.CallersFault";

    public static ArgumentException Of(string message, Exception? cause = null)
    {
        var fault = new ArgumentException(message, cause);
        fault.Data[Mark] = true;
        return fault;
    }

    /// <summary>A job's own code keeps something from being asked of its records.</summary>
    public static InvalidOperationException OfCode(string job, Exception cause)
    {
        var fault = new InvalidOperationException($"Job '{job}': {cause.Message.ReplaceLineEndings(" ").TrimEnd('.')}.", cause);
        fault.Data[Mark] = true;
        return fault;
    }
}
