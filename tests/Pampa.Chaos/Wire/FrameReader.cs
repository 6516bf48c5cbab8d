using System.Buffers.Binary;
using System.Text;

namespace Pampa.Chaos.Wire;

/// <summary>A message of the protocol: its type, and all of its bytes.</summary>
internal readonly record struct Frame(char Type, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>What follows the type and the length.</summary>
    public ReadOnlySpan<byte> Body => Bytes.Span[5..];

    /// <summary>The text that begins the body.</summary>
    public string Text(int skip = 0)
    {
        var body = Body;
        for (; skip > 0; skip--) body = body[(body.IndexOf((byte)0) + 1)..];
        return Encoding.UTF8.GetString(body[..body.IndexOf((byte)0)]);
    }

    /// <summary>The same message with another text.</summary>
    public Frame WithText(int skip, string text)
    {
        var body = Body;
        var at = 0;
        for (; skip > 0; skip--) at += body[at..].IndexOf((byte)0) + 1;
        var end = at + body[at..].IndexOf((byte)0);
        byte[] bytes = [(byte)Type, 0, 0, 0, 0, .. body[..at], .. Encoding.UTF8.GetBytes(text), .. body[end..]];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), bytes.Length - 1);
        return new Frame(Type, bytes);
    }
}

/// <summary>Cuts a stream into messages. What it returns holds until the next call.</summary>
internal sealed class FrameReader(Stream stream)
{
    private byte[] buffer = new byte[16 * 1024];
    private int start, end;

    /// <summary>Whether a whole message is here already.</summary>
    public bool HasMore => end - start >= 5 && end - start >= Length(1) + 1;

    private int Length(int at) => BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(start + at));

    /// <summary>Null: the stream has ended.</summary>
    public async ValueTask<Frame?> ReadAsync(CancellationToken stopping)
    {
        if (!await FillAsync(5, stopping)) return null;
        var size = Length(1) + 1;
        if (!await FillAsync(size, stopping)) return null;
        var frame = new Frame((char)buffer[start], buffer.AsMemory(start, size));
        start += size;
        return frame;
    }

    /// <summary>The first message of a connection, which has no type: length and content.</summary>
    public async ValueTask<byte[]?> ReadStartupAsync(CancellationToken stopping)
    {
        if (!await FillAsync(4, stopping)) return null;
        var size = Length(0);
        if (!await FillAsync(size, stopping)) return null;
        var bytes = buffer.AsSpan(start, size).ToArray();
        start += size;
        return bytes;
    }

    private async ValueTask<bool> FillAsync(int size, CancellationToken stopping)
    {
        while (end - start < size)
        {
            if (start > 0) Array.Copy(buffer, start, buffer, 0, end - start);
            (start, end) = (0, end - start);
            if (buffer.Length < size) Array.Resize(ref buffer, Math.Max(size, 2 * buffer.Length));
            var read = await stream.ReadAsync(buffer.AsMemory(end), stopping);
            if (read == 0) return false;
            end += read;
        }
        return true;
    }
}
