using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>The values of a record's columns as the driver has read them, by their indexes in <see cref="JobTable.RecordColumns"/>.</summary>
internal sealed class RecordValues(JobTable table, TaskKey key, object?[] values)
{
    public JobTable Table => table;

    /// <summary>The values as they were before others took the place of some.</summary>
    public RecordValues Before { get => field ?? this; private init; }

    /// <summary>The same with others in the place of some.</summary>
    public RecordValues With(IReadOnlyDictionary<int, object?> changes)
    {
        var changed = (object?[])values.Clone();
        foreach (var (index, value) in changes) changed[index] = value;
        return new RecordValues(table, key, changed) { Before = Before };
    }

    /// <summary>A value.</summary>
    /// <exception cref="PermanentFailureException">The driver could not read it.</exception>
    public object? Read(int index)
    {
        var value = values[index];
        if (value is UnreadableValue unreadable)
            throw new PermanentFailureException(
                $"Job '{table.Job.Name}': column '{table.RecordColumns[index].Name}' of record {table.Dialect.Display(key)} holds a value that the driver cannot read: {unreadable.Error.Message}",
                unreadable.Error);
        return value;
    }

    /// <summary>A value of a column as a type.</summary>
    /// <exception cref="InvalidCastException">It does not convert.</exception>
    public object? Convert(int index, object? value, Type type)
    {
        try
        {
            return ValueConverter.To(type, value);
        }
        catch (Exception e) when (e is InvalidCastException or FormatException or OverflowException or ArgumentException)
        {
            throw new InvalidCastException(
                $"Job '{table.Job.Name}': column '{table.RecordColumns[index].Name}' of record {table.Dialect.Display(key)}: {e.Message}", e);
        }
    }
}
