using System.Data.Common;
using Pampa.Chaos.Checks;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>What an application does to the table of tasks: locks, long snapshots, changed columns.</summary>
internal static class TableFaults
{
    private static readonly Profile[] Postgres = [Profile.Pg, Profile.Portable];

    public static IEnumerable<Fault> All =>
    [
        new("lock-rows", Target.Table, "An application holds locks on many open records.", LockRowsAsync) { Profiles = Postgres },
        new("lock-table", Target.Table, "An application locks the whole table against writers.", LockTableAsync) { Profiles = Postgres, Needs = Fault.TableLocks },
        new("lock-all", Target.Table, "An application locks the whole table against everybody, for a minute; on SQLite the file against writers.", LockAllAsync) { Needs = Fault.TableLocks },
        new("lock-file", Target.Table, "An application begins to write and does not end.", LockFileAsync) { Profiles = [Profile.Sqlite] },
        new("alter", Target.Table, "Columns are added, given another type and dropped.", AlterAsync) { Profiles = Postgres },
        new("add-column", Target.Table, "A column is added.", AddColumnAsync) { Profiles = [Profile.Sqlite] },
        new("drop-column", Target.Table, "A column that handlers set is dropped, and made anew with what was in it.", DropAsync) { IsAlone = true, Needs = Fault.TableLocks },
        new("rename-column", Target.Table, "A column that handlers set is renamed, and back.", (w, r, s) => RenameAsync(w, r, "result", s)) { IsAlone = true },
        new("rename-state", Target.Table, "A state column is renamed, and back.", (w, r, s) => RenameAsync(w, r, w.Shape.State[6], s)) { Profiles = Postgres },
        new("rename-table", Target.Table, "The table is renamed, and back.", RenameTableAsync) { Profiles = Postgres },
    ];

    private static Task<string> LockRowsAsync(World world, Random random, CancellationToken stopping) => HoldAsync(
        world, $"SELECT id FROM {world.Shape.Table} WHERE {world.Shape.Et} IS NULL ORDER BY id LIMIT 100 FOR UPDATE", world.Long, stopping);

    private static Task<string> LockTableAsync(World world, Random random, CancellationToken stopping) => HoldAsync(
        world, $"LOCK TABLE {world.Shape.Table} IN SHARE MODE", TimeSpan.FromSeconds(2 + 6 * random.NextDouble()), stopping);

    private static async Task<string> LockAllAsync(World world, Random random, CancellationToken stopping)
    {
        var from = World.Now();
        var isSqlite = world.Shape.Profile == Profile.Sqlite;
        try
        {
            return await HoldAsync(world, isSqlite ? WriteLock : $"LOCK TABLE {world.Shape.Table} IN ACCESS EXCLUSIVE MODE", world.Long, stopping);
        }
        finally
        {
            // Leases stand in tables of their own; on SQLite in the same file, so that nobody could renew one.
            world.Outages.Add(new Outage(_ => true, from, World.Now()) { IsOfAll = isSqlite });
        }
    }

    private const string WriteLock = "UPDATE effects SET worker = worker WHERE id < 0";

    private static Task<string> LockFileAsync(World world, Random random, CancellationToken stopping) => HoldAsync(
        world, WriteLock, TimeSpan.FromSeconds(2 + 4 * random.NextDouble()), stopping);

    private static async Task<string> HoldAsync(World world, string statement, TimeSpan time, CancellationToken stopping)
    {
        await using var connection = await Store.InsistAsync(() => world.Store.OpenAsync(stopping), stopping);
        await using var transaction = await connection.BeginTransactionAsync(stopping);
        try
        {
            await Store.ExecuteAsync(connection, statement, stopping);
            await World.WaitAsync(time.TotalSeconds, stopping);
            await transaction.RollbackAsync(CancellationToken.None);
        }
        catch (DbException e)
        {
            // A server that was stopped meanwhile has let go of it.
            return $"ended early: {e.Message}";
        }
        return Store.Invariant($"for {time.TotalSeconds:0.0} s");
    }

    private static async Task<string> AlterAsync(World world, Random random, CancellationToken stopping)
    {
        foreach (var change in (string[])["ADD COLUMN extra int", "ALTER COLUMN extra TYPE bigint", "ADD COLUMN more text DEFAULT 'x'", "DROP COLUMN extra", "DROP COLUMN more"])
        {
            await ChangeAsync(world, $"ALTER TABLE {world.Shape.Table} {change}");
            await World.WaitAsync(0.5 + random.NextDouble(), CancellationToken.None);
        }
        return "five times";
    }

    private static async Task<string> AddColumnAsync(World world, Random random, CancellationToken stopping)
    {
        var name = $"extra{random.Next(1_000_000)}";
        await ChangeAsync(world, $"ALTER TABLE {world.Shape.Table} ADD COLUMN {name} text");
        return name;
    }

    private static async Task<string> RenameAsync(World world, Random random, string column, CancellationToken stopping)
    {
        var (was, other) = (Shape.Quote(column), Shape.Quote("moved"));
        return await ThereAndBackAsync(world, $"ALTER TABLE {world.Shape.Table} RENAME COLUMN {was} TO {other}",
            $"ALTER TABLE {world.Shape.Table} RENAME COLUMN {other} TO {was}", random, stopping);
    }

    private static async Task<string> RenameTableAsync(World world, Random random, CancellationToken stopping)
    {
        var parts = world.Shape.Table.Split('.');
        return await ThereAndBackAsync(world, $"ALTER TABLE {world.Shape.Table} RENAME TO moved",
            $"ALTER TABLE {string.Join('.', [.. parts[..^1], "moved"])} RENAME TO {parts[^1]}", random, stopping);
    }

    private static async Task<string> ThereAndBackAsync(World world, string there, string back, Random random, CancellationToken stopping)
    {
        await ChangeAsync(world, there);
        try
        {
            await World.WaitAsync(1 + 3 * random.NextDouble(), stopping);
        }
        finally
        {
            await ChangeAsync(world, back);
        }
        return there;
    }

    private static async Task<string> DropAsync(World world, Random random, CancellationToken stopping)
    {
        await Store.InsistAsync(() => world.Store.ExecuteTogetherAsync(world.Store.DropResult, CancellationToken.None), CancellationToken.None);
        try
        {
            await World.WaitAsync(1 + 3 * random.NextDouble(), stopping);
        }
        finally
        {
            await Store.InsistAsync(() => world.Store.ExecuteTogetherAsync(world.Store.RestoreResult, CancellationToken.None), CancellationToken.None);
        }
        return $"result of {world.Shape.Table}";
    }

    private static Task<int> ChangeAsync(World world, string statement) => Store.InsistAsync(
        () => world.Store.ExecuteAsync(world.Shape.Profile == Profile.Sqlite ? statement : $"SET lock_timeout = '3s'; {statement}; RESET lock_timeout", CancellationToken.None), CancellationToken.None);
}
