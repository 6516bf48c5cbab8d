using System.Buffers.Binary;
using System.Text;

namespace Pampa.Chaos.Wire;

/// <summary>Messages that no server has sent.</summary>
internal static class Forged
{
    /// <summary>"Not encrypted": the answer to a request for encryption.</summary>
    public static readonly byte[] No = "N"u8.ToArray();

    /// <summary>"Encrypted from here on".</summary>
    public static readonly byte[] Yes = "S"u8.ToArray();

    public static readonly byte[] Terminate = [(byte)'X', 0, 0, 0, 4];

    // A plan that does not fit any more is known by its words, or by who says so.
    public static byte[] Error(string severity, string state) => Message('E', state == "0A000"
        ? $"S{severity}\0V{severity}\0C{state}\0Mcached plan must not change result type\0RRevalidateCachedQuery\0\0"
        : $"S{severity}\0V{severity}\0C{state}\0Mforged by the proxy\0\0");

    public static byte[] Query(string text) => Message('Q', $"{text}\0");

    public static byte[] Ready(char status) => Message('Z', status.ToString());

    private static byte[] Message(char type, string body)
    {
        var content = Encoding.UTF8.GetBytes(body);
        var bytes = new byte[5 + content.Length];
        bytes[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), 4 + content.Length);
        content.CopyTo(bytes, 5);
        return bytes;
    }
}
