using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>The clock of one process is wrong, by libfaketime.</summary>
internal static class ClockFaults
{
    public static IEnumerable<Fault> All =>
    [
        new("clock-wrong", Target.Process, "A process's clock is an hour ahead, or behind.", WrongAsync),
        new("clock-jumps", Target.Process, "A process's clock jumps an hour forth and back.", JumpsAsync),
    ];

    private static string Library() =>
        Directory.Exists("/usr/lib") ? Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .FirstOrDefault() ?? throw new NotPossibleException("libfaketime is not installed") : throw new NotPossibleException("there is no /usr/lib");

    private static async Task<string> WrongAsync(World world, Random random, CancellationToken stopping)
    {
        var shift = random.Next(2) == 0 ? "+1h" : "-1h";
        return await RunAsync(world, random, member => member["FAKETIME"] = shift, () => World.WaitAsync(5 + 4 * random.NextDouble(), stopping), shift);
    }

    private static async Task<string> JumpsAsync(World world, Random random, CancellationToken stopping)
    {
        var file = Path.Combine(world.Folder, $"clock{random.Next(100_000)}");
        await File.WriteAllTextAsync(file, "+0", stopping);
        return await RunAsync(world, random, member =>
        {
            member["FAKETIME_TIMESTAMP_FILE"] = file;
            member["FAKETIME_NO_CACHE"] = "1";
        }, async () =>
        {
            foreach (var shift in (string[])["+3600", "-3600", "+1800", "+0"])
            {
                await World.WaitAsync(2, stopping);
                await File.WriteAllTextAsync(file, shift, stopping);
            }
        }, "jumps");
    }

    private static Task<long> LastAsync(World world) => Store.InsistAsync(() => world.Store.LastStepAsync(CancellationToken.None), CancellationToken.None);

    private static async Task<string> RunAsync(World world, Random random, Action<Dictionary<string, string>> change, Func<Task> last, string what)
    {
        var library = Library();
        var after = await LastAsync(world);
        var member = world.Take(random, m => !m.IsIsolated);
        await world.RestartAsync(member, m =>
        {
            m.Environment["LD_PRELOAD"] = library;
            // The monotonic clock goes on as it does on every computer; the fix is for older systems, where waits ended at once without it, and
            // makes them do so here.
            m.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
            m.Environment["FAKETIME_FORCE_MONOTONIC_FIX"] = "0";
            change(m.Environment);
        });
        try
        {
            await last();
        }
        finally
        {
            await world.RestartAsync(member, m => m.Environment.Clear());
            world.Give(member);
            // On SQLite each process's clock is the database's.
            if (world.Shape.Profile == Profile.Sqlite) world.FalseClocks.Add((after, await LastAsync(world)));
        }
        return $"{member.Lives[^2].Application}: {what}";
    }
}
