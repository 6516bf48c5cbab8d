namespace Pampa.Jobs;

/// <summary>Code of the program's that runs at a start.</summary>
internal static class StartCode
{
    /// <summary>
    /// Runs one, which may block its thread. At a stop it is told to end and not waited for.
    /// </summary>
    /// <param name="name">How the program calls it.</param>
    /// <param name="index">Which one of several it is, from zero.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="runAsync">Runs it.</param>
    /// <param name="stopping">Told to stop.</param>
    /// <param name="whose">For whom it runs.</param>
    /// <param name="what">What has not come about therefore.</param>
    /// <exception cref="StartCodeException">It threw.</exception>
    public static async Task RunAsync(
        string name, int index, int count, Func<Task> runAsync, CancellationToken stopping, string whose = "",
        string what = "Nothing was reserved for it")
    {
        try
        {
            await Task.Run(runAsync, stopping).WaitAsync(stopping);
        }
        catch (Exception e) when (!(e is OperationCanceledException && stopping.IsCancellationRequested))
        {
            var which = count == 1 ? name : $"{name} ({index + 1} of {count})";
            throw new StartCodeException($"{which}{whose} threw {ErrorText.Of(e).ReplaceLineEndings(" ").TrimEnd('.')}. {what}: mend that code or what it needs, and start again.", e);
        }
    }
}

/// <summary>Code that the program runs at a start has failed: the process does not begin to work.</summary>
internal sealed class StartCodeException(string message, Exception cause) : Exception(message, cause);
