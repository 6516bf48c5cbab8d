namespace Pampa.Jobs;

/// <summary>A failure that a handler has told of in words, without throwing anything.</summary>
internal sealed class SaidFailureException(string text, bool isPermanent) : Exception(text)
{
    /// <summary>Whether trying again cannot help.</summary>
    public bool IsPermanent => isPermanent;
}
