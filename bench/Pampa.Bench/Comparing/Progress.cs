using System.Collections.Concurrent;
using System.Diagnostics;

namespace Pampa.Bench.Comparing;

/// <summary>
/// Tells the bench by a file what this process has done so far: ten times a second a line with the time, the number of tasks and
/// the nanoseconds that handlers took, as <c>peers/log.mjs</c> does. The time is the computer's monotonic clock.
/// </summary>
internal sealed class Progress : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly ConcurrentQueue<string> lines = [];
    private readonly Lock gate = new();
    private readonly StreamWriter file;
    private readonly ITimer timer;
    private long count;
    private long busy;

    private Progress(string path)
    {
        file = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite));
        timer = TimeProvider.System.CreateTimer(_ => Write(), null, Interval, Interval);
    }

    /// <summary>Names the file; where it is not set nobody wants to know.</summary>
    public const string Variable = "PAMPA_BENCH_PROGRESS";

    public static Progress? FromEnvironment() =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? new Progress(path) : null;

    /// <summary>So many tasks have ended.</summary>
    public void Done(int tasks = 1) => Interlocked.Add(ref count, tasks);

    /// <summary>A handler took from then until now.</summary>
    public void Busy(long since) => Interlocked.Add(ref busy, Stopwatch.GetTimestamp() - since);

    /// <summary>The handler of this task begins.</summary>
    public void Begun(long id) => lines.Enqueue(FormattableString.Invariant($"s {id} {Stopwatch.GetTimestamp()}"));

    /// <summary>The transaction that adds this task was just answered.</summary>
    public void Committed(long id) => lines.Enqueue(FormattableString.Invariant($"e {id} {Stopwatch.GetTimestamp()}"));

    private void Write()
    {
        lock (gate)
        {
            while (lines.TryDequeue(out var line)) file.WriteLine(line);
            file.WriteLine(FormattableString.Invariant($"p {Stopwatch.GetTimestamp()} {Interlocked.Read(ref count)} {Interlocked.Read(ref busy)}"));
            file.Flush();
        }
    }

    public void Dispose()
    {
        timer.Dispose();
        Write();
        lock (gate) file.Dispose();
    }
}
