namespace Pampa.Jobs;

/// <summary>Errors that the caller has made, marked so that the command line can tell them from faults.</summary>
internal static class CallersFault
{
    public const string Mark = "Pampa.CallersFault";

    public static ArgumentException Of(string message, Exception? cause = null)
    {
        var fault = new ArgumentException(message, cause);
        fault.Data[Mark] = true;
        return fault;
    }
}
