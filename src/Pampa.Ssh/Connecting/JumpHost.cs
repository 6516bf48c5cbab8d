using System.Globalization;

namespace Pampa.Ssh.Connecting;

/// <summary>A host that a connection goes through.</summary>
internal sealed record JumpHost(string? User, string Host, int? Port)
{
    /// <summary>OpenSSH's word for: none, whatever its configuration says.</summary>
    private const string No = "none";

    /// <summary>Whether it is said that there is none.</summary>
    public static bool IsNone(string text) => text.Equals(No, StringComparison.OrdinalIgnoreCase);

    /// <summary>The hosts of <c>user@host:port,…</c>, the first one that is connected to first. Null: it is not of this form.</summary>
    public static IReadOnlyList<JumpHost>? TryRead(string text)
    {
        if (IsNone(text)) return [];
        var hosts = text.Split(',').Select(TryReadOne).ToList();
        return hosts.Contains(null) ? null : [.. hosts.OfType<JumpHost>()];
    }

    private static JumpHost? TryReadOne(string text)
    {
        var at = text.LastIndexOf('@');
        var user = at < 0 ? null : text[..at];
        var rest = text[(at + 1)..];
        var (host, port) = Split(rest);
        // A host that begins with a hyphen would be an option.
        if (host.Length == 0 || host[0] == '-' || user is { Length: 0 } or ['-', ..]) return null;
        if (port is null) return new JumpHost(user, host, null);
        return int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 65_535
            ? new JumpHost(user, host, number) : null;
    }

    // An address of IPv6 has colons itself: with a port it stands in brackets.
    private static (string Host, string? Port) Split(string text)
    {
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']');
            if (end < 0 || (end + 1 < text.Length && text[end + 1] != ':')) return ("", null);
            return (text[1..end], end + 1 < text.Length ? text[(end + 2)..] : null);
        }
        var colon = text.IndexOf(':');
        return colon < 0 || colon != text.LastIndexOf(':') ? (text, null) : (text[..colon], text[(colon + 1)..]);
    }

    public override string ToString() =>
        $"{(User is null ? "" : $"{User}@")}{Host}{(Port is { } port ? $":{port.ToString(CultureInfo.InvariantCulture)}" : "")}";
}
