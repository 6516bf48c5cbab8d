namespace Pampa.Commands.Confining;

/// <summary>The folder of a control group of this node, in which each life of a worker has one of its own.</summary>
/// <param name="path">The folder.</param>
internal sealed class GroupFolder(string path)
{
    private readonly Lock gate = new();

    public string Path => path;

    /// <summary>Makes it, if that is permitted.</summary>
    public bool TryMake(out string why)
    {
        try
        {
            lock (gate) Directory.CreateDirectory(path);
            why = "";
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            why = e.Message.TrimEnd('.');
            return false;
        }
    }

    /// <summary>Whether the kernel takes limits in a group below it: a controller that is there may lack the file, or refuse the value.</summary>
    /// <param name="limit">Writes them for the group in this folder.</param>
    public bool Takes(Action<string> limit)
    {
        var probe = FormattableString.Invariant($"{path}/probe@{Environment.ProcessId}");
        try
        {
            lock (gate) Directory.CreateDirectory(probe);
            limit(probe);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        finally
        {
            Remove(probe);
        }
    }

    /// <summary>The folder of one life, for its limits; it joins it at its start, and its end takes it away.</summary>
    public string Make(ConfinedLife life)
    {
        var own = $"{path}/{life.Name}";
        lock (gate) Directory.CreateDirectory(own);
        life.AtEnd(() => Remove(own));
        life.Joins.Add($"{own}/cgroup.procs");
        return own;
    }

    /// <summary>Writes one value, in one piece, as the kernel wants it.</summary>
    public static void Write(string file, string text)
    {
        using var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        stream.Write(System.Text.Encoding.ASCII.GetBytes(text));
    }

    /// <summary>The number beside a word in a file of lines of words; 0: it is not there.</summary>
    public static long Number(string file, string word)
    {
        try
        {
            foreach (var line in File.ReadLines(file))
            {
                if (line.Split(' ') is [var name, var value] && name == word && long.TryParse(value, out var number)) return number;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Who has taken the group away has taken its numbers along: then nothing is known.
        }
        return 0;
    }

    /// <summary>The folders of the lives that there are, also of a supervisor that was killed.</summary>
    public IReadOnlyList<string> Lives()
    {
        try
        {
            return Directory.Exists(path) ? Directory.GetDirectories(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else is at it.
            return [];
        }
    }

    /// <summary>What stands in a file, without the space around it; null: it cannot be read.</summary>
    public static string? TryRead(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Takes away every life of this node that nobody lives any more, and the folder itself where none is left.</summary>
    public void CleanUp()
    {
        lock (gate)
        {
            try
            {
                if (!Directory.Exists(path)) return;
                foreach (var life in Directory.EnumerateDirectories(path)) Remove(life);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else is at it: what he leaves is found by the next start.
            }
            Remove(path);
        }
    }

    // The kernel refuses it while a process is in it: one that the worker has started may live on.
    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next clean-up finds it again.
        }
    }
}
