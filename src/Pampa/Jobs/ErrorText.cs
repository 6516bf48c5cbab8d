using System.Text;

namespace Pampa.Jobs;

/// <summary>
/// Makes any text storable: no NUL (PostgreSQL refuses it), no lone surrogates, head and tail kept when it is too long.
/// A failure whose text cannot be stored would otherwise be a failure that is never recorded.
/// </summary>
internal static class ErrorText
{
    /// <summary>The key under which an error of the database carries what to do about it, where that is known.</summary>
    public const string Remedy = "Pampa.Remedy";

    private const string Cut = " … ";

    /// <summary>The text of an exception: its type and message and those of its causes. It throws nothing, whatever they do.</summary>
    public static string Of(Exception error)
    {
        var text = new StringBuilder();
        for (var e = error; e is not null && text.Length < Limits.ErrorText * 2; e = e.InnerException)
        {
            if (text.Length > 0) text.Append(" ---> ");
            text.Append(e.GetType().Name).Append(": ").Append(MessageOf(e));
        }
        return text.ToString();
    }

    private static string? MessageOf(Exception error)
    {
        try
        {
            return error.Message;
        }
        catch (Exception e)
        {
            return $"({e.GetType().Name} while its message was asked for)";
        }
    }

    /// <summary>What an error of the database says, and what to do about it.</summary>
    public static string WithRemedy(Exception error, string? message = null)
    {
        message ??= error.Message;
        return error.Data[Remedy] is string remedy ? $"{message.TrimEnd('.', ' ')}. {remedy}" : message;
    }

    /// <summary>All that an exception tells of itself, for the log; one that throws while it does so is told of all the same.</summary>
    public static string Whole(Exception error)
    {
        try
        {
            return error.ToString();
        }
        catch (Exception e)
        {
            return $"{Of(error)} ({e.GetType().Name} while its text was asked for)";
        }
    }

    /// <summary>
    /// Replaces what a database refuses and cuts the middle out, to at most <paramref name="maxLength"/> UTF-16 units.
    /// </summary>
    public static string Sanitise(string text, int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 0);
        if (text.Length > maxLength) text = Shorten(text, maxLength);
        return IsClean(text) ? text : Clean(text);
    }

    private static string Shorten(string text, int maxLength)
    {
        if (maxLength <= Cut.Length * 4) return text[..maxLength];
        var tail = (maxLength - Cut.Length) / 3;
        var head = maxLength - Cut.Length - tail;
        return string.Concat(text.AsSpan(0, head), Cut, text.AsSpan(text.Length - tail));
    }

    private static bool IsClean(string text)
    {
        foreach (var c in text)
        {
            if (c == '\0' || char.IsSurrogate(c)) return false;
        }
        return true;
    }

    private static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) clean.Append(c).Append(text[++i]);
            else if (char.IsSurrogate(c)) clean.Append('\uFFFD');
            else clean.Append(c == '\0' ? '\u2400' : c);
        }
        return clean.ToString();
    }
}
