using System.ComponentModel.DataAnnotations.Schema;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Pampa.Jobs;

/// <summary>
/// A class or record that records are mapped to. Properties and columns are matched by name without regard to case and
/// underscores (<c>IsOdd</c> is <c>is_odd</c>), or by <see cref="ColumnAttribute"/>; <see cref="NotMappedAttribute"/>
/// leaves one out. Plain reflection on members that the trimmer was told to keep: no code is emitted, so it works ahead
/// of time compiled.
/// </summary>
internal sealed class RowType
{
    private readonly ConstructorInfo constructor;
    private readonly int[] arguments;

    private RowType(Type type, ConstructorInfo constructor, IReadOnlyList<RowProperty> properties, int[] arguments)
    {
        Type = type;
        this.constructor = constructor;
        Properties = properties;
        this.arguments = arguments;
    }

    public Type Type { get; }

    public IReadOnlyList<RowProperty> Properties { get; }

    /// <summary>
    /// Reads the type; what does not fit is an error text, so that all errors of a program are shown at once.
    /// </summary>
    public static RowType? Of<[DynamicallyAccessedMembers(
        DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties)] TRow>(
        ICollection<string> errors)
    {
        var type = typeof(TRow);
        var constructor = type.GetConstructors().OrderBy(c => c.GetParameters().Length == 0 ? 0 : 1)
            .ThenByDescending(c => c.GetParameters().Length).FirstOrDefault();
        if (constructor is null)
        {
            errors.Add($"row type '{type.Name}' must have a public constructor");
            return null;
        }
        var parameters = constructor.GetParameters();
        var properties = new List<RowProperty>();
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetIndexParameters().Length > 0 || property.GetMethod is null) continue;
            if (property.IsDefined(typeof(NotMappedAttribute))) continue;
            var parameter = Array.FindIndex(parameters,
                p => string.Equals(p.Name, property.Name, StringComparison.OrdinalIgnoreCase));
            if (parameter < 0 && property.SetMethod is not { IsPublic: true }) continue;
            var column = property.GetCustomAttribute<ColumnAttribute>()?.Name;
            properties.Add(new RowProperty(property, column, parameter >= 0));
        }
        var arguments = Array.ConvertAll(parameters, p => properties.FindIndex(
            q => string.Equals(p.Name, q.Name, StringComparison.OrdinalIgnoreCase)));
        if (Array.IndexOf(arguments, -1) is var missing and >= 0)
            errors.Add($"row type '{type.Name}': constructor parameter '{parameters[missing].Name}' has no property of that name, so it has no column");
        return new RowType(type, constructor, properties, arguments);
    }

    /// <summary>Makes a row; the values stand in the order of <see cref="Properties"/>.</summary>
    public object Create(object?[] values)
    {
        var row = constructor.Invoke(Array.ConvertAll(arguments, i => values[i]));
        for (var i = 0; i < values.Length; i++)
        {
            if (!Properties[i].InConstructor) Properties[i].Set(row, values[i]);
        }
        return row;
    }

    /// <summary>The values of a row; arrays are copied, so that a change inside one is seen later.</summary>
    public object?[] Snapshot(object row)
    {
        var values = new object?[Properties.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var value = Properties[i].Get(row);
            values[i] = value is Array array ? array.Clone() : value;
        }
        return values;
    }

    /// <summary>Whether two values of a property differ; arrays by content.</summary>
    public static bool Differ(object? before, object? after)
    {
        if (before is not Array x || after is not Array y) return !Equals(before, after);
        if (x.Length != y.Length) return true;
        for (var i = 0; i < x.Length; i++)
        {
            if (Differ(x.GetValue(i), y.GetValue(i))) return true;
        }
        return false;
    }
}

/// <summary>A mapped property.</summary>
internal sealed class RowProperty(PropertyInfo property, string? column, bool inConstructor)
{
    public string Name => property.Name;

    public Type Type => property.PropertyType;

    /// <summary>The column's name from the attribute, or null where it follows from the property's name.</summary>
    public string? Column => column;

    public bool InConstructor => inConstructor;

    public object? Get(object row) => property.GetValue(row);

    public void Set(object row, object? value) => property.SetValue(row, value);
}
