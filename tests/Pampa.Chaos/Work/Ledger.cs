using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Pampa.Chaos.Work;

/// <summary>What a handler has done, on the disk before it goes on: evidence that no database can lose.</summary>
/// <param name="Word">start, end or thrown; where the body is part of a transaction or of a batch also body and again.</param>
/// <param name="Id">The task.</param>
/// <param name="Life">How often its number of attempts has gone down before.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="Worker">The worker.</param>
/// <param name="At">On the monotonic clock of the computer, in milliseconds.</param>
/// <param name="Process">The process's id.</param>
internal sealed record LedgerLine(string Word, long Id, long Life, int Attempt, string Worker, long At, int Process)
{
    public const string Start = "start";
    public const string End = "end";
    public const string Thrown = "thrown";

    /// <summary>The body has come to its end, and its transaction has not yet, or the call of the batch that it is in.</summary>
    public const string Body = "body";

    /// <summary>The body begins anew, for its transaction could not be committed, or its batch is halved.</summary>
    public const string Again = "again";

    /// <summary>Whether the handler came to its end.</summary>
    public bool IsEnd => Word is End or Body;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Word} {Id} {Life} {Attempt} {Worker} {At} {Process}");

    /// <summary>Null: the process was killed while it wrote.</summary>
    public static LedgerLine? TryParse(string line)
    {
        var parts = line.Split(' ');
        var culture = CultureInfo.InvariantCulture;
        return parts.Length == 7 && int.TryParse(parts[6], culture, out var process)
            ? new LedgerLine(parts[0], long.Parse(parts[1], culture), long.Parse(parts[2], culture), int.Parse(parts[3], culture), parts[4],
                long.Parse(parts[5], culture), process)
            : null;
    }

    /// <summary>All lines of all processes.</summary>
    public static IEnumerable<LedgerLine> ReadAll(string folder) =>
        from file in Directory.EnumerateFiles(folder, "*.ledger")
        from text in File.ReadLines(file)
        let line = TryParse(text)
        where line is not null
        select line;
}

/// <summary>This process's own ledger: appended to, and flushed to the disk with every line.</summary>
internal sealed class Ledger(string folder) : IDisposable
{
    private readonly Lock gate = new();
    private FileStream? file;

    public void Write(string word, long id, long life, PampaTask task)
    {
        var at = (long)(Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency);
        var line = new LedgerLine(word, id, life, task.Attempt, task.Worker, at, Environment.ProcessId);
        lock (gate)
        {
            file ??= new FileStream(Path.Combine(folder, $"{Environment.ProcessId}-{at}.ledger"), FileMode.Append, FileAccess.Write, FileShare.Read);
            file.Write(Encoding.UTF8.GetBytes($"{line}\n"));
            file.Flush(flushToDisk: true);
        }
    }

    public void Dispose() => file?.Dispose();
}
