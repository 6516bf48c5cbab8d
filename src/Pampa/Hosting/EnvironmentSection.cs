using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;

namespace Pampa.Hosting;

/// <summary>
/// What the environment says, as a configuration, for a program that has no host which would read it: <c>Pampa__Workers</c> is <c>Workers</c>
/// of the section <c>Pampa</c>, in whatever case.
/// </summary>
internal sealed class EnvironmentSection : IConfigurationSection
{
    private const string Gap = "__";
    private readonly IReadOnlyDictionary<string, string?> values;

    /// <param name="variables">The environment.</param>
    /// <param name="name">The section; what belongs to none of its names is left out.</param>
    public EnvironmentSection(IEnumerable<KeyValuePair<string, string?>> variables, string name) : this("", Read(variables, name))
    {
    }

    private EnvironmentSection(string path, IReadOnlyDictionary<string, string?> values) => (Path, this.values) = (path, values);

    public string Path { get; }

    public string Key => ConfigurationPath.GetSectionKey(Path) ?? "";

    public string? Value
    {
        get => values.GetValueOrDefault(Path);
        set => throw new NotSupportedException("The environment is only read.");
    }

    public bool IsEmpty => values.Count == 0;

    public string? this[string key]
    {
        get => values.GetValueOrDefault(Below(key));
        set => throw new NotSupportedException("The environment is only read.");
    }

    public IConfigurationSection GetSection(string key) => new EnvironmentSection(Below(key), values);

    public IEnumerable<IConfigurationSection> GetChildren()
    {
        var before = Path.Length == 0 ? "" : Path + ConfigurationPath.KeyDelimiter;
        return values.Keys.Where(k => k.Length > before.Length && k.StartsWith(before, StringComparison.OrdinalIgnoreCase))
            .Select(k => k[before.Length..].Split(ConfigurationPath.KeyDelimiter, 2)[0]).Distinct(StringComparer.OrdinalIgnoreCase)
            .Order(StringComparer.OrdinalIgnoreCase).Select(GetSection);
    }

    // It stays as it was when the program began.
    public IChangeToken GetReloadToken() => new CancellationChangeToken(CancellationToken.None);

    private string Below(string key) => Path.Length == 0 ? key : ConfigurationPath.Combine(Path, key);

    private static Dictionary<string, string?> Read(IEnumerable<KeyValuePair<string, string?>> variables, string name)
    {
        var found = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (variable, value) in variables)
        {
            if (variable.StartsWith(name + Gap, StringComparison.OrdinalIgnoreCase))
                found[variable.Replace(Gap, ConfigurationPath.KeyDelimiter, StringComparison.Ordinal)] = value;
        }
        return found;
    }
}
