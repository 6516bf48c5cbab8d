using System.Security.Cryptography;
using System.Text;

namespace Pampa.Tests.Simulation;

/// <summary>What has happened: the last lines to read, and a hash of all of them to compare runs by.</summary>
internal sealed class Trace
{
    private const int Kept = 40;
    private readonly Queue<string> last = new();
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public int Count { get; private set; }

    public void Add(string line)
    {
        Count++;
        hash.AppendData(Encoding.UTF8.GetBytes(line));
        last.Enqueue($"{Count,6} {line}");
        if (last.Count > Kept) last.Dequeue();
    }

    public string Hash => Convert.ToHexStringLower(hash.GetCurrentHash());

    public override string ToString() => string.Join(Environment.NewLine, last);
}

/// <summary>A rule that was broken.</summary>
internal sealed class BrokenRuleException(string message, Exception? inner = null) : Exception(message, inner);
