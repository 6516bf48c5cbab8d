using System.Text;

namespace Pampa.Storage;

/// <summary>
/// A table's name as a program writes it: <c>orders</c>, <c>shop.orders</c>, <c>"My Schema"."Order"</c>. Quoted parts
/// are taken to the letter, others are looked up exactly first and then without regard to case.
/// </summary>
internal sealed record TableName(string? Schema, string Name, bool IsQuoted)
{
    public static TableName? Parse(string text)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && part.Length == 0)
            {
                quoted = true;
                var closed = false;
                for (i++; i < text.Length; i++)
                {
                    if (text[i] != '"') part.Append(text[i]);
                    else if (i + 1 < text.Length && text[i + 1] == '"') part.Append(text[++i]);
                    else
                    {
                        closed = true;
                        break;
                    }
                }
                if (!closed || (i + 1 < text.Length && text[i + 1] != '.')) return null;
            }
            else if (text[i] == '.')
            {
                parts.Add(part.ToString());
                part.Clear();
            }
            else part.Append(text[i]);
        }
        parts.Add(part.ToString());
        if (parts.Count > 2 || parts.Any(p => p.Length == 0)) return null;
        return parts.Count == 2 ? new(parts[0], parts[1], quoted) : new(null, parts[0], quoted);
    }

    public override string ToString() => Schema is null ? Name : $"{Schema}.{Name}";
}
