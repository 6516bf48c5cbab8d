using System.Security.Cryptography;
using System.Text;

namespace Pampa.Storage;

/// <summary>The program's own Setup: each of its statements runs once for a database.</summary>
internal sealed partial class Schema
{
    /// <summary>
    /// Runs each statement of the program's Setup once for this database, by its hash. The caller holds the setup
    /// lease. Tables of jobs that appear are remembered: only those get their state columns without asking.
    /// </summary>
    public async Task RunSetupAsync(IReadOnlyList<string> statements, IReadOnlyList<TableName> jobTables, CancellationToken stopping)
    {
        foreach (var statement in statements)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(statement.Trim())));
            if (await IsAppliedAsync(hash, stopping)) continue;
            told?.Invoke(statement.Trim());
            isSetupPlanned = true;
            if (changes == SchemaChanges.Planned) continue;
            var made = await RunSetupAsync(statement, hash, jobTables, stopping);
            // Before a later statement fills them: only pages that are written from now on are left room on.
            foreach (var table in made)
            {
                if (!table.IsPartitioned && Dialect.LeaveRoom(table) is { } leaveRoom) await ChangeAsync(leaveRoom, stopping);
            }
        }
    }

    private async Task<List<TableInfo>> RunSetupAsync(string statement, string hash, IReadOnlyList<TableName> jobTables, CancellationToken stopping)
    {
        var before = await Dialect.ReadIdsAsync(database, jobTables, stopping);
        var isAlone = !Dialect.HasTransactionalDdl && !ChangesRecords(statement);
        if (isAlone) await database.RunAloneAsync(new Statement(statement), SetupDeadline, stopping);
        try
        {
            return await database.UnitAsync(async unit =>
            {
                if (!isAlone) await RunAsync(unit, statement);
                var made = await MadeAsync(unit, jobTables, before, stopping);
                await unit.ExecuteAsync(new Statement($"INSERT INTO pampa_setup (hash, tables, applied_at) VALUES (@hash, @tables, {Dialect.Now})")
                    .With("hash", hash).With("tables", string.Join('\n', made.Select(t => t.Id))));
                return made;
            }, stopping, isLong: true);
        }
        catch (Exception e) when (Dialect.IsAmbiguous(e))
        {
            // The record tells what the answer did not.
            if (!await IsAppliedAsync(hash, stopping)) throw;
            return await MadeAsync(database, jobTables, before, stopping);
        }
    }

    // Such a statement stands in one transaction with the row that records it, on every database. Of several in one text some may not.
    private static bool ChangesRecords(string statement)
    {
        var text = statement.AsSpan().Trim().TrimEnd(';');
        if (text.Contains(';')) return false;
        foreach (var word in (string[])["INSERT", "UPDATE", "DELETE", "UPSERT", "WITH", "SELECT"])
        {
            if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private static Task<int> RunAsync(Database.Unit unit, string statement) => unit.ExecuteAsync(new Statement(statement), SetupDeadline);

    // The jobs' tables of these that were not there before. With many jobs, each of which has a statement for its table, reading what there is of
    // all of them before and after each would take as long as their number by itself.
    private async Task<List<TableInfo>> MadeAsync(
        IReader reader, IReadOnlyList<TableName> jobTables, IReadOnlyList<string> before, CancellationToken stopping)
    {
        var made = (await Dialect.ReadIdsAsync(reader, jobTables, stopping)).Except(before, StringComparer.Ordinal).ToList();
        var tables = new List<TableInfo>();
        foreach (var name in jobTables.Where(t => made.Exists(id => id.EndsWith($".{t.Name}", StringComparison.OrdinalIgnoreCase))))
        {
            if (await Dialect.ReadTableAsync(reader, name, stopping) is { } table && made.Contains(table.Id)) tables.Add(table);
        }
        return tables;
    }

    private async Task<bool> IsAppliedAsync(string hash, CancellationToken stopping)
    {
        if (changes == SchemaChanges.Planned && await LacksControlTablesAsync(stopping)) return false;
        var found = new Statement("SELECT 1 FROM pampa_setup WHERE hash = @hash").With("hash", hash);
        return (await database.QueryAsync(found, _ => true, stopping)).Count > 0;
    }
}
