using System.Globalization;

namespace Pampa.Bench;

/// <summary>
/// The processor time of a PostgreSQL on this computer, from /proc: the postmaster, its children, and those that have
/// ended. What a child used passes to its postmaster when it ends, so the sum never goes back.
/// </summary>
internal static class ServerCpu
{
    // USER_HZ: the unit of /proc, the same on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>The postmaster of a backend; null where /proc does not show it, as for a server elsewhere.</summary>
    public static int? PostmasterOf(int backend)
    {
        if (Read(backend) is not { } child || !IsPostgres(child.Name)) return null;
        return Read(child.Parent) is { } parent && IsPostgres(parent.Name) ? child.Parent : null;
    }

    private static bool IsPostgres(string name) => name.StartsWith("postgres", StringComparison.Ordinal);

    public static double Seconds(int postmaster)
    {
        var own = Read(postmaster) ?? throw new InvalidOperationException("the server has ended");
        var ticks = own.Own + own.Reaped;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id)
                && Read(id) is { } process && process.Parent == postmaster) ticks += process.Own;
        }
        return ticks / TicksPerSecond;
    }

    private static (string Name, int Parent, long Own, long Reaped)? Read(int process)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{process}/stat");
        }
        catch (IOException)
        {
            // It has ended since it was listed, or there is no /proc.
            return null;
        }
        // pid (name) state parent …: the name may hold anything, so the fields are counted from its end.
        var end = text.LastIndexOf(')');
        var fields = text[(end + 2)..].Split(' ');
        long Field(int number) => long.Parse(fields[number - 3], CultureInfo.InvariantCulture);
        var name = text[(text.IndexOf('(', StringComparison.Ordinal) + 1)..end];
        return (name, (int)Field(4), Field(14) + Field(15), Field(16) + Field(17));
    }
}
