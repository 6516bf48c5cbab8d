using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Pampa;

/// <summary>Steps in the log, on any logger: that of a task, of a stand-alone run, or of the application.</summary>
public static class PampaLogging
{
    /// <summary>
    /// Begins a step: <c>using var step = task.Log.Step("loading the page");</c> Say <see cref="StepLog.Done"/> where it has
    /// done so; left without, it is logged as not done.
    /// </summary>
    /// <param name="log">Any logger; null logs nothing.</param>
    /// <param name="name">What is done, in a few words; points at its end are left out.</param>
    public static StepLog Step(this ILogger? log, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new StepLog(log ?? NullLogger.Instance, name, TimeProvider.System);
    }

    /// <summary>
    /// Runs code as a step, which is done when the code is, and has failed when it throws; the exception goes on.
    /// </summary>
    /// <param name="log">Any logger; null logs nothing.</param>
    /// <param name="name">What is done, in a few words; points at its end are left out.</param>
    /// <param name="step">Does it.</param>
    public static async Task StepAsync(this ILogger? log, string name, Func<Task> step)
    {
        ArgumentNullException.ThrowIfNull(step);
        await StepAsync(log, name, async () =>
        {
            await step();
            return true;
        });
    }

    /// <inheritdoc cref="StepAsync(ILogger?, string, Func{Task})"/>
    /// <typeparam name="T">What the code returns.</typeparam>
    /// <returns>What the code returned.</returns>
    public static async Task<T> StepAsync<T>(this ILogger? log, string name, Func<Task<T>> step)
    {
        ArgumentNullException.ThrowIfNull(step);
        using var running = log.Step(name);
        try
        {
            var result = await step();
            running.Done();
            return result;
        }
        catch (Exception e)
        {
            running.Fail(e.Message);
            throw;
        }
    }
}
