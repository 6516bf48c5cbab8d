namespace Pampa.Storage;

/// <summary>What somebody needs rights for.</summary>
internal enum RightsFor
{
    /// <summary>To be there at all: every process, and whoever looks.</summary>
    Anything,

    /// <summary>To dispatch: <c>run</c> and <c>dispatcher</c>.</summary>
    Dispatching,

    /// <summary>To run tasks: <c>run</c>, <c>node</c> and <c>worker</c>.</summary>
    Working,

    /// <summary>To pause, resume, relaunch, retry, cancel, skip and run now.</summary>
    Steering,
}

/// <summary>Statements that give rights for one thing.</summary>
/// <param name="For">What for.</param>
/// <param name="Grants">The statements.</param>
internal sealed record RightsGroup(RightsFor For, IReadOnlyList<string> Grants);

/// <summary>
/// The rights that a role needs once everything is made, and no others. The verb <c>migrate</c> prints them, <c>doctor</c> and every start
/// look for them, a refusal names them, and the tests run with them alone.
/// </summary>
internal static class Rights
{
    /// <summary>What stands for a role that nobody has named.</summary>
    public const string AnyRole = "your_role";

    private const string Read = "SELECT";
    private static readonly string[] All = [Read, "INSERT", "UPDATE", "DELETE"];

    /// <summary>What is needed of a control table beside reading it, which everybody does.</summary>
    private sealed record OfTable(string Table, string Dispatching = "", string Working = "", string Steering = "");

    private static readonly OfTable[] ControlTables =
    [
        new("pampa_lease", Dispatching: "INSERT, UPDATE"),
        new("pampa_worker", Dispatching: "DELETE", Working: "INSERT, UPDATE"),
        new("pampa_job", Dispatching: "INSERT, UPDATE", Working: "INSERT, UPDATE"),
        new("pampa_handover", Dispatching: "INSERT, DELETE", Working: "DELETE"),
        new("pampa_load", Dispatching: "DELETE", Working: "INSERT, UPDATE, DELETE"),
        new("pampa_assignment", Dispatching: "INSERT, UPDATE, DELETE"),
        new("pampa_stretch", Dispatching: "INSERT, UPDATE"),
        new("pampa_hold", Steering: "INSERT, UPDATE, DELETE"),
        new("pampa_schedule", Dispatching: "INSERT, UPDATE", Steering: "UPDATE"),
        new("pampa_schedule_run", Steering: "INSERT, DELETE"),
        new("pampa_audit", Dispatching: "DELETE", Steering: "INSERT, UPDATE"),
        new("pampa_history", Dispatching: "INSERT, DELETE", Working: "INSERT", Steering: "INSERT"),
        new("pampa_node", Dispatching: "DELETE", Working: "INSERT, UPDATE"),
        new("pampa_sample", Dispatching: "INSERT, DELETE"),
        // Who runs a new statement of Setup has more rights than these anyway.
        new("pampa_setup"),
    ];

    // To throw away what is old in the audit.
    private static readonly (string Table, string Right)[] CanWait = [("pampa_audit", "DELETE")];

    /// <summary>The rights on the control tables, one by one.</summary>
    /// <param name="what">What for.</param>
    /// <param name="hasSetup">Whether the program has a Setup: then each of its processes takes the lease of that, to see that it is done.</param>
    public static List<(string Table, string Right)> OfControlTables(IEnumerable<RightsFor> what, bool hasSetup)
    {
        var needed = what.SelectMany(w => ControlTables.SelectMany(t => RightsOn(t, w, hasSetup).Split(", ", StringSplitOptions.RemoveEmptyEntries)
            .Select(right => (t.Table, Right: right)))).Distinct();
        return [.. needed.OrderBy(n => Array.FindIndex(ControlTables, t => t.Table == n.Table)).ThenBy(n => Array.IndexOf(All, n.Right))];
    }

    /// <summary>
    /// Those of them that a process must have to begin. The others have come with later versions and serve what can wait: whoever has given the
    /// rights of before starts with them, and is told at the work itself, and by <c>doctor</c>, what to give.
    /// </summary>
    /// <param name="what">What for.</param>
    /// <param name="hasSetup">Whether the program has a Setup.</param>
    public static List<(string Table, string Right)> ToBegin(IEnumerable<RightsFor> what, bool hasSetup) =>
        OfControlTables(what, hasSetup).FindAll(right => !CanWait.Contains(right));

    private static string RightsOn(OfTable table, RightsFor what, bool hasSetup) => what switch
    {
        RightsFor.Dispatching => table.Dispatching,
        RightsFor.Working => table.Working,
        RightsFor.Steering => table.Steering,
        _ => hasSetup && table == ControlTables[0] ? $"{Read}, {table.Dispatching}" : Read,
    };

    /// <summary>All rights that anybody needs on a control table; null: it is none.</summary>
    public static string? OfControlTable(string name)
    {
        var needed = OfControlTables(Enum.GetValues<RightsFor>(), hasSetup: false).FindAll(r => r.Table == name);
        return needed.Count == 0 ? null : string.Join(", ", needed.Select(r => r.Right));
    }

    /// <summary>The columns of a job's table that are written.</summary>
    /// <param name="job">The job.</param>
    /// <param name="byHandlers">Whether those that its handlers may set are among them.</param>
    public static IEnumerable<string> Written(JobTable job, bool byHandlers)
    {
        var own = job.State.Select(c => c.Name).Concat(job.Generation is { } generation ? [generation.Name] : (string[])[]);
        return byHandlers ? own.Concat(job.RecordColumns.Where(job.MayBeSet).Select(c => c.Name)) : own;
    }

    /// <summary>The statements; none where the database has no roles.</summary>
    /// <param name="database">The database.</param>
    /// <param name="jobs">The jobs, with their tables as they are or will be.</param>
    /// <param name="hasSetup">Whether the program has a Setup.</param>
    /// <param name="role">Who gets the rights.</param>
    /// <param name="stopping">Gives up.</param>
    public static async Task<IReadOnlyList<RightsGroup>> GrantsAsync(
        Database database, IReadOnlyList<JobTable> jobs, bool hasSetup, string role, CancellationToken stopping)
    {
        var dialect = database.Dialect;
        if (dialect.Roles == RoleKind.None) return [];
        var (name, schema) = (await database.QueryAsync(new Statement("SELECT current_database()::text, COALESCE(current_schema()::text, 'public')"),
            row => (row.GetString(0), row.GetString(1)), stopping))[0];
        // Where they are there already it is certain.
        if (await dialect.ReadTableAsync(database, new TableName(null, ControlTables[0].Table, true), stopping) is { } made) schema = made.Schema;
        var to = Dialect.Quote(role);
        var tables = jobs.GroupBy(j => $"{Dialect.Quote(j.Table.Schema)}.{Dialect.Quote(j.Table.Name)}").ToList();

        IEnumerable<string> Control(RightsFor what, IEnumerable<string> readToo)
        {
            var lists = OfControlTables([what], hasSetup).GroupBy(r => r.Table, r => r.Right)
                .GroupBy(t => string.Join(", ", t), t => $"{Dialect.Quote(schema)}.{t.Key}");
            return lists.Select(l => $"GRANT {l.Key} ON {string.Join(", ", l.Key == Read ? l.Concat(readToo) : l)} TO {to}");
        }

        IEnumerable<string> Jobs(bool byHandlers) => tables.Select(t =>
        {
            var columns = string.Join(", ", t.SelectMany(job => Written(job, byHandlers)).Distinct().Select(Dialect.Quote));
            return $"GRANT UPDATE{(dialect.Roles == RoleKind.ByColumn ? $" ({columns})" : "")} ON {t.Key} TO {to}";
        });

        var schemas = jobs.Select(j => j.Table.Schema).Prepend(schema).Distinct().Select(Dialect.Quote);
        return
        [
            new(RightsFor.Anything,
            [
                $"GRANT CONNECT ON DATABASE {Dialect.Quote(name)} TO {to}", $"GRANT USAGE ON SCHEMA {string.Join(", ", schemas)} TO {to}",
                .. Control(RightsFor.Anything, tables.Select(t => t.Key)),
            ]),
            new(RightsFor.Dispatching, [.. Control(RightsFor.Dispatching, []), .. Jobs(byHandlers: false)]),
            new(RightsFor.Working, [.. Control(RightsFor.Working, []), .. Jobs(byHandlers: true)]),
            new(RightsFor.Steering, [.. Control(RightsFor.Steering, []), .. Jobs(byHandlers: false)]),
        ];
    }
}
