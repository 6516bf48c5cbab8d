using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Examining;

/// <summary>A database with a job's table, a leader and two workers, to be made ill in some way and looked at.</summary>
public abstract class Examined : IAsyncLifetime
{
    private protected const string Cluster = "test";
    private protected static readonly TimeSpan Ttl = TimeSpan.FromSeconds(30);

    private protected abstract Engine Engine { get; }

    private protected abstract TableProfile Profile { get; }

    private protected TestDatabase Db { get; private set; } = null!;

    private protected ClusterTables Tables { get; private set; } = null!;

    private protected LeaseTerm Lease { get; private set; } = null!;

    private protected static CancellationToken Stopping => TestContext.Current.CancellationToken;

    private protected DateTime Now => Db.Clock.Now;

    public virtual async ValueTask InitializeAsync()
    {
        Db = await TestDatabase.CreateAsync(Engine, Profile, asOwner: true);
        Tables = ClusterTables.Of(Db.Database, Cluster);
        Lease = (await Tables.Cluster.AcquireAsync("cluster", "boss@1", "p1", Ttl, [], Stopping))!;
        var sessions = await Tables.Cluster.RegisterAsync("a", ["a.1", "a.2"], "p1", Ttl, [], Stopping);
        await Tables.Cluster.MarkReadyAsync(sessions!, Stopping);
    }

    public async ValueTask DisposeAsync()
    {
        if (Db is not null) await Db.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected JobDefinition Definition(Action<JobBuilder>? configure = null)
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", Profile.Table, Profile.Key, job =>
        {
            job.Columns = Profile.Columns;
            job.Process(_ => { });
            configure?.Invoke(job);
        });
        var errors = new List<string>();
        var definition = builder.Build(errors).SingleOrDefault();
        Assert.Empty(errors);
        return definition!;
    }

    private protected async Task<TaskStore> JobAsync(Action<JobBuilder>? configure = null)
    {
        var errors = new List<string>();
        var table = await new Schema(Db.Database).ResolveAsync(Definition(configure), errors, Stopping);
        Assert.Empty(errors);
        return new TaskStore(Db.Database, table!, Cluster, new Random(1));
    }

    private protected Task<ClusterInfo> InfoAsync(params TaskStore[] stores) => PampaCluster.LookAsync(Tables, stores, [], Stopping);

    private protected Examination Examination(Database? database = null, params TaskStore[] stores)
    {
        database ??= Db.Database;
        return new(database, ClusterTables.Of(database, Cluster), stores, _ => InfoAsync(stores), TimeProvider.System);
    }

    private protected async Task<IReadOnlyList<Finding>> FindAsync(Action<JobBuilder>? configure = null) =>
        await Examination(null, await JobAsync(configure)).RunAsync(Stopping);

    private protected async Task<Finding> OneAsync(string id, Action<JobBuilder>? configure = null) => One(id, await FindAsync(configure));

    private protected static Finding One(string id, IEnumerable<Finding> findings)
    {
        var all = findings.ToList();
        var found = all.FindAll(f => f.Id == id);
        Assert.True(found.Count == 1, $"{found.Count} findings '{id}' among: {string.Join("; ", all.Select(f => $"{f.Id}: {f.What}"))}");
        Assert.NotEqual("", found[0].What);
        return found[0];
    }

    private protected static void None(string id, IEnumerable<Finding> findings) => Assert.DoesNotContain(findings, f => f.Id == id);

    /// <summary>Puts a record in; values are those of the seven state columns, in their order.</summary>
    private protected Task InsertAsync(
        int number, string? rid = null, DateTime? rt = null, int? n = null, DateTime? st = null, DateTime? et = null, bool? ok = null) =>
        Db.ExecuteAsync($"INSERT INTO {Profile.Table} ({Profile.KeyList}, {Names(6)}) VALUES ({string.Join(", ", Profile.KeyLiterals(number))}, "
            + string.Join(", ", ((object?[])[rid, rt, n, st, et, ok]).Select(TableProfile.Literal)) + ")");

    private string Names(int count) => string.Join(", ", JobTable.Names(Profile.Columns).Take(count).Select(TableProfile.Quote));

    private protected string EndTime => TableProfile.Quote(Profile.Columns.EndTime);

    /// <summary>Many records, each with a score.</summary>
    private protected async Task FillAsync(int count)
    {
        var numbers = Db.IsSqlite
            ? $"WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {count}) SELECT v FROM n"
            : $"SELECT g AS v FROM generate_series(1, {count}) AS g";
        await Db.ExecuteAsync($"INSERT INTO {Profile.Table} ({Profile.KeyList}, {TableProfile.Quote(Profile.Score)}) SELECT v, v % 100 FROM ({numbers}) AS n");
    }

    private protected static Sql Raw(string text)
    {
        var sql = new Sql(text.Length, 0);
        sql.AppendLiteral(text);
        return sql;
    }

    private protected static Sql Column(string name) => Raw(TableProfile.Quote(name));

    private protected Task BeatAsync() => Task.FromResult(Tables.Cluster.Heartbeat([("a.1", 1), ("a.2", 1)], Ttl));
}
