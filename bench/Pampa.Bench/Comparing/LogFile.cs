namespace Pampa.Bench.Comparing;

/// <summary>A file into which a process tells what it does.</summary>
internal sealed class LogFile : IDisposable
{
    public string Path { get; } = System.IO.Path.GetTempFileName();

    public PeerLog Read()
    {
        using var file = new StreamReader(new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return PeerLog.Parse(file.ReadToEnd());
    }

    public void Dispose() => File.Delete(Path);
}
