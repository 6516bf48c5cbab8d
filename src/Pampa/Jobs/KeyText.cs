using System.Text;

namespace Pampa.Jobs;

/// <summary>
/// The key of several columns as one text: commas between the parts, <c>\,</c> for a comma inside of one, <c>\\</c> for
/// a backslash.
/// </summary>
internal static class KeyText
{
    public static string Join(IEnumerable<string> parts) => string.Join(",", parts.Select(p =>
        p.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal)));

    public static List<string> Split(string text)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == ',')
            {
                parts.Add(part.ToString());
                part.Clear();
                continue;
            }
            if (text[i] == '\\' && i + 1 < text.Length) i++;
            part.Append(text[i]);
        }
        parts.Add(part.ToString());
        return parts;
    }
}
