using System.Globalization;
using System.Text;

namespace Pampa.Showing;

/// <summary>Writes the text format of Prometheus, version 0.0.4.</summary>
internal sealed class MeasureText
{
    private readonly StringBuilder text = new();

    /// <summary>Begins what belongs to one name.</summary>
    public void Begin(string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(Escaped(help)).Append('\n').Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    /// <summary>A value of it.</summary>
    public void Add(string name, double value, IReadOnlyList<(string Name, string Value)> labels)
    {
        text.Append(name);
        for (var i = 0; i < labels.Count; i++)
        {
            text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"").Append(Escaped(labels[i].Value).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }
        text.Append(labels.Count > 0 ? "} " : " ").Append(Number(value)).Append('\n');
    }

    private static string Escaped(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Number(double value) => double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? value > 0 ? "+Inf" : "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);

    public override string ToString() => text.ToString();
}
