using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Pampa.Ssh.Delivering;

/// <summary>A file that goes into a release.</summary>
internal sealed record ReleaseFile(string Path, string Name, bool IsProgram);

/// <summary>A release in one file: many small ones would each cost a round trip.</summary>
internal sealed record Archive(string Path, long Length, string Sha256)
{
    private const int Block = 128 * 1024;
    private const UnixFileMode Plain = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Program = Plain | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static async Task<Archive> WriteAsync(IReadOnlyList<ReleaseFile> files, string path, CancellationToken stopping)
    {
        await using (var to = File.Create(path))
        await using (var packed = new GZipStream(to, CompressionLevel.Fastest))
        await using (var tar = new TarWriter(packed, TarEntryFormat.Ustar))
        {
            foreach (var file in files)
            {
                await using var content = File.OpenRead(file.Path);
                var entry = new PaxTarEntry(TarEntryType.RegularFile, file.Name)
                {
                    DataStream = content,
                    Mode = file.IsProgram ? Program : Plain,
                    // When it was made does not matter: a release is what is in it.
                    ModificationTime = DateTimeOffset.UnixEpoch,
                };
                await tar.WriteEntryAsync(entry, stopping);
            }
        }
        await using var written = File.OpenRead(path);
        var hash = await SHA256.HashDataAsync(written, stopping);
        return new Archive(path, written.Length, Convert.ToHexStringLower(hash));
    }

    /// <summary>Writes it somewhere, and says which share of it is written.</summary>
    public async Task CopyAsync(Stream to, Action<double> progress, CancellationToken stopping)
    {
        await using var from = File.OpenRead(Path);
        var block = new byte[Block];
        var done = 0L;
        while (await from.ReadAsync(block, stopping) is var read and > 0)
        {
            await to.WriteAsync(block.AsMemory(0, read), stopping);
            done += read;
            progress((double)done / Length);
        }
    }
}
