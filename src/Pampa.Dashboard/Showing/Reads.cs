using System.Data.Common;
using System.Threading.Channels;

namespace Pampa.Showing;

/// <summary>The dashboard itself has given up, and not the database: nothing is known to be wrong with the question, and it may be asked again.</summary>
internal sealed class GivenUpException(string message) : TimeoutException(message);

/// <summary>
/// What the dashboard may ask of the database: two questions at a time, each for two seconds, so that however many people look, the
/// program's own work has the rest.
/// </summary>
internal sealed class Reads
{
    private const int AtOnce = 2;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);
    private readonly Channel<bool> turns = Channel.CreateBounded<bool>(AtOnce);
    private readonly TimeProvider time;

    public Reads(TimeProvider time)
    {
        this.time = time;
        for (var i = 0; i < AtOnce; i++) turns.Writer.TryWrite(true);
    }

    /// <summary>Asks something.</summary>
    /// <exception cref="GivenUpException">Others ask too much, or the answer takes too long.</exception>
    /// <exception cref="TimeoutException">The database has ended it.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> askAsync, CancellationToken stopping)
    {
        await WithinAsync(Deadline, async t => await turns.Reader.ReadAsync(t), () => new GivenUpException("Too many questions wait for the database just now. Try again in a moment."), stopping);
        try
        {
            // Pages of records, counts of what matches and failures are ended by the database itself after two seconds, with better words;
            // what reads little by its making (counts that have a bound, samples, the audit, schedules) is cancelled from here.
            return await WithinAsync(Deadline + Grace, askAsync, Late, stopping);
        }
        finally
        {
            turns.Writer.TryWrite(true);
        }
    }

    private static GivenUpException Late() => new("The database did not answer within two seconds. Ask for less, or look at what keeps it busy.");

    private async Task<T> WithinAsync<T>(
        TimeSpan limit, Func<CancellationToken, Task<T>> askAsync, Func<TimeoutException> otherwise, CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            return await askAsync(both.Token);
        }
        catch (Exception e) when (IsOfEnd(e) && deadline.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            throw otherwise();
        }
    }

    // A database that is interrupted from here may say so as if it had ended the statement by itself.
    private static bool IsOfEnd(Exception error) => error is OperationCanceledException or TimeoutException or DbException;
}
