using System.Globalization;
using Pampa.Jobs;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>
/// What every database must do with every table, PROTOCOL's transitions one by one. A subclass says which engine and which table; each
/// verb has a file of its own. The clock stands still but for a tick after each call.
/// </summary>
public abstract partial class StoreConformance : IAsyncLifetime
{
    private protected static readonly TimeSpan Ttl = TimeSpan.FromSeconds(30);
    private protected const string Cluster = "test";

    private protected abstract Engine Engine { get; }

    private protected abstract TableProfile Profile { get; }

    /// <summary>Takes a guard out of the statements, to prove that none is idle.</summary>
    internal Func<string, string>? Rewrite { get; init; }

    private protected TestDatabase Db { get; private set; } = null!;

    private protected ClusterStore Workers { get; private set; } = null!;

    /// <summary>The leader of the tests.</summary>
    private protected LeaseTerm Lease { get; private set; } = null!;

    /// <summary>The default job: three attempts, no delay.</summary>
    private protected TaskStore Store { get; private set; } = null!;

    /// <summary>Ends a test that a missing guard has made endless.</summary>
    internal CancellationToken? Limit { get; init; }

    private protected CancellationToken Stopping => Limit ?? TestContext.Current.CancellationToken;

    private protected TestClock Clock => Db.Clock;

    public async ValueTask InitializeAsync()
    {
        Db = await TestDatabase.CreateAsync(Engine, Profile, Rewrite);
        Workers = new ClusterStore(Db.Database, Cluster);
        Lease = (await Ticked(Workers.AcquireAsync("cluster", "leader", "p1", Ttl, [], Stopping)))!;
        await Ticked(Workers.RegisterAsync("a", ["a.1", "a.2"], "p1", Ttl, [], Stopping));
        await Ticked(Workers.RegisterAsync("b", ["b.1"], "p2", Ttl, [], Stopping));
        Store = await JobAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Db is not null) await Db.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected async Task<T> Ticked<T>(Task<T> call)
    {
        var result = await call;
        await Clock.TickAsync();
        return result;
    }

    /// <summary>A job on the profile's table.</summary>
    private protected async Task<TaskStore> JobAsync(Action<JobBuilder>? configure = null)
    {
        var errors = new List<string>();
        var definition = Definition(errors, job =>
        {
            job.Backoff = Backoff.None;
            configure?.Invoke(job);
        });
        Assert.Empty(errors);
        var table = await new Schema(Db.Database).ResolveAsync(definition!, errors, Stopping);
        Assert.Empty(errors);
        return new TaskStore(Db.Database, table!, Cluster, new Random(1));
    }

    private protected JobDefinition? Definition(List<string> errors, Action<JobBuilder>? configure = null) =>
        Definition(errors, Profile.Table, Profile.Key, job =>
        {
            job.Columns = Profile.Columns;
            configure?.Invoke(job);
        });

    private protected static JobDefinition? Definition(List<string> errors, string table, string[] key, Action<JobBuilder> configure)
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", table, key, job =>
        {
            job.Process(_ => { });
            configure(job);
        });
        return builder.Build(errors).SingleOrDefault();
    }

    /// <summary>A column's name, or any SQL, in a condition.</summary>
    private protected static Sql Raw(string text)
    {
        var sql = new Sql(text.Length, 0);
        sql.AppendLiteral(text);
        return sql;
    }

    private protected static Sql Column(string name) => Raw(TableProfile.Quote(name));

    private protected static IReadOnlyList<Slot> Slots(params string[] workers) => [.. workers.Select(w => new Slot(w, w.Split('.')[0]))];

    private protected static IReadOnlyList<Slot> Slots(int count, string worker = "a.1") =>
        Slots([.. Enumerable.Repeat(worker, count)]);

    private protected Task<List<Reservation>> ReserveAsync(int count, string worker = "a.1", TaskStore? store = null, TaskKey? cursor = null) =>
        Ticked((store ?? Store).ReserveAsync(Slots(count, worker), Lease, "a", cursor, Stopping));

    private protected Task<List<StartedTask>> StartAsync(IEnumerable<Reservation> reservations, TaskStore? store = null, long session = 1) =>
        Ticked((store ?? Store).StartAsync([.. reservations.Select(r => (r, session))], Stopping));

    private protected Task<List<TaskKey>> FinishAsync(params TaskResult[] results) => Ticked(Store.FinishAsync(results, skipLocked: false, Stopping));

    /// <summary>Inserts, reserves and starts one record.</summary>
    private protected async Task<StartedTask> StartedAsync(int number, Row? row = null, TaskStore? store = null)
    {
        await InsertAsync(number, row);
        return Assert.Single(await StartAsync(await ReserveAsync(1, store: store), store));
    }

    private protected static TaskResult Completed(StartedTask task, ColumnChanges? changes = null) =>
        new(task.Fence, Outcome.Completed, Changes: changes);

    private protected Task AdvanceAsync(double seconds) => Clock.AdvanceAsync(TimeSpan.FromSeconds(seconds));

    /// <summary>All live workers beat.</summary>
    private protected Task<List<string>> BeatAsync(params string[] workers) =>
        Ticked(Task.FromResult(Workers.Heartbeat([.. (workers.Length > 0 ? workers : ["a.1", "a.2", "b.1"]).Select(w => (w, 1L))], Ttl)));

    private protected string KeyText(int number) =>
        Profile.Key.Length == 1 ? Plain(Profile.KeyLiterals(number).Single()) : Pampa.Jobs.KeyText.Join(Profile.KeyLiterals(number).Select(Plain));

    private static string Plain(string literal) =>
        literal.StartsWith('\'') ? literal[1..^1].Replace("''", "'", StringComparison.Ordinal) : literal;

    private protected string Shown(TaskKey key) => Db.Database.Dialect.Display(key);

    private protected IEnumerable<string> Shown(IEnumerable<TaskKey> keys) => keys.Select(Shown);

    private protected IEnumerable<string> KeysOf(params int[] numbers) => numbers.Select(KeyText);

    private protected static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
