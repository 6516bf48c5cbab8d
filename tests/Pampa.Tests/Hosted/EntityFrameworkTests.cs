using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.Hosted;

/// <summary>Handlers that write through Entity Framework Core in the transaction of their task.</summary>
public sealed class EntityFrameworkTests : IDisposable
{
    private const int Records = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-ef-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    internal sealed class Effect
    {
        public string Id { get; set; } = Guid.NewGuid().ToString();

        public long Task { get; set; }
    }

    internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
    {
        public DbSet<Effect> Effects => Set<Effect>();

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Effect>(effect =>
        {
            effect.ToTable("effects");
            effect.Property(e => e.Id).HasColumnName("id");
            effect.Property(e => e.Task).HasColumnName("task");
        });
    }

    /// <summary>A database for a whole engine, and for the context.</summary>
    private sealed record Place(string Address, Action<DbContextOptionsBuilder> Use, TestDatabase? Database);

    private async Task<Place> PlaceAsync(Engine engine)
    {
        if (engine == Engine.Sqlite)
        {
            var file = Path.Combine(folder, $"{Guid.NewGuid():N}.db");
            return new Place(file, options => options.UseSqlite($"Data Source={file};Pooling=False"), null);
        }
        var database = await TestDatabase.CreateAsync(engine, null);
        return new Place(database.Source.ConnectionString, options => options.UseNpgsql(database.Source.ConnectionString), database);
    }

    private static IHost Application(Place place, Action<IServiceCollection> add, Action<JobBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["Pampa:Database"] = place.Address;
        add(builder.Services);
        builder.Services.AddPampa(pampa =>
        {
            pampa.Workers = 4;
            pampa.Setup(
                "CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY, is_odd boolean)",
                "CREATE TABLE IF NOT EXISTS effects (id text PRIMARY KEY, task bigint NOT NULL)",
                $"INSERT INTO numbers (value) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {Records}) SELECT v FROM n");
            pampa.AddJob("numbers", "numbers", "value", job =>
            {
                job.Backoff = Backoff.None;
                configure(job);
            });
        });
        return builder.Build();
    }

    private static async Task<Report> RunAsync(IHost host)
    {
        await host.StartAsync(Stopping);
        var cluster = host.Services.GetRequiredService<PampaCluster>();
        using var deadline = new CancellationTokenSource(Patience);
        Report report;
        while ((report = await cluster.ReportAsync("numbers", exact: true, deadline.Token)) is var now && now.Completed + now.Failed < Records)
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, deadline.Token);
        await host.StopAsync(Stopping);
        return report;
    }

    private static ShopContext Look(Place place)
    {
        var options = new DbContextOptionsBuilder<ShopContext>();
        place.Use(options);
        return new ShopContext(options.Options);
    }

    [Theory]
    [InlineData(Engine.Sqlite, "scoped"), InlineData(Engine.Sqlite, "pooled"), InlineData(Engine.Sqlite, "factory")]
    [InlineData(Engine.Sqlite, "function"), InlineData(Engine.Sqlite, "provider only")]
    [InlineData(Engine.PostgreSql, "scoped"), InlineData(Engine.PostgreSql, "pooled"), InlineData(Engine.PostgreSql, "provider only")]
    internal async Task What_a_context_saves_is_committed_with_the_completion_or_undone(Engine engine, string registration)
    {
        var place = await PlaceAsync(engine);
        var runs = new ConcurrentDictionary<long, int>();
        void Add(IServiceCollection services) => _ = registration switch
        {
            "scoped" => services.AddDbContext<ShopContext>(place.Use),
            "pooled" => services.AddDbContextPool<ShopContext>(place.Use),
            "factory" => services.AddDbContextFactory<ShopContext>(place.Use),
            "provider only" => services.AddDbContext<ShopContext>(options => _ = engine == Engine.Sqlite ? options.UseSqlite() : options.UseNpgsql()),
            _ => services,
        };
        using (var host = Application(place, Add, job => job.ProcessInTransaction<ShopContext>(async (context, task) =>
        {
            var number = task.Get<long>("value");
            runs.AddOrUpdate(number, 1, (_, n) => n + 1);
            // Read first, so that on SQLite the workers get in each other's way; and one context a run, so that nothing is left of another.
            await context.Effects.CountAsync(task.CancellationToken);
            Assert.Empty(context.ChangeTracker.Entries());
            context.Effects.Add(new Effect { Task = number });
            if (number % 2 == 0) await context.SaveChangesAsync(task.CancellationToken);
            if (number == 9 && engine == Engine.PostgreSql && runs[number] == 1)
                await context.Database.ExecuteSqlRawAsync("SELECT pg_terminate_backend(pg_backend_pid())", task.CancellationToken);
            if (number % 5 == 0 && task.Attempt == 1) throw new FormatException("once");
            if (number == 7) throw new PermanentFailureException("never");
            task["is_odd"] = number % 2 != 0;
        }, registration == "function" ? () => Look(place) : null)))
        {
            var report = await RunAsync(host);
            Assert.Equal((Records - 1, 1), (report.Completed, report.Failed));
            if (registration == "pooled")
            {
                // What was lent is taken back before the next one gets it.
                await using var scope = host.Services.CreateAsyncScope();
                Assert.Equal(Records - 1, await scope.ServiceProvider.GetRequiredService<ShopContext>().Effects.CountAsync(Stopping));
            }
        }
        await using (var context = Look(place))
        {
            Assert.Equal(Enumerable.Range(1, Records).Except([7]).Select(n => (long)n),
                await context.Effects.Select(e => e.Task).Order().ToListAsync(Stopping));
        }
        Assert.Equal(Records, runs.Count);
        if (engine == Engine.PostgreSql) Assert.Equal(2, runs[9]);
        if (place.Database is { } database) await database.DisposeAsync();
    }

    [Fact]
    public async Task Handlers_of_every_shape_are_awaited()
    {
        Action<JobBuilder>[] shapes =
        [
            job => job.ProcessInTransaction<ShopContext>((context, task) => { context.Effects.Add(new Effect { Task = task.Get<long>("value") }); }),
            job => job.ProcessInTransaction<ShopContext>((context, task) => new ValueTask(LaterAsync(context, task))),
            job => job.ProcessInTransaction<ShopContext>(LaterAsync),
        ];
        foreach (var shape in shapes)
        {
            var place = await PlaceAsync(Engine.Sqlite);
            using var host = Application(place, services => services.AddDbContext<ShopContext>(place.Use), shape);
            Assert.Equal(Records, (await RunAsync(host)).Completed);
            await using var context = Look(place);
            Assert.Equal(Records, await context.Effects.CountAsync(Stopping));
        }

        static async Task LaterAsync(ShopContext context, PampaTask task)
        {
            await Task.Yield();
            context.Effects.Add(new Effect { Task = task.Get<long>("value") });
        }
    }

    [Fact]
    public async Task A_context_that_cannot_be_used_keeps_the_application_from_starting()
    {
        var place = await PlaceAsync(Engine.Sqlite);
        async Task<string> WhyAsync(Action<IServiceCollection> add)
        {
            using var host = Application(place, add, job => job.ProcessInTransaction<ShopContext>((_, _) => { }));
            return (await Assert.ThrowsAsync<PampaConfigurationException>(() => host.StartAsync(Stopping))).Message;
        }
        Assert.Contains("nobody knows how to make a ShopContext", await WhyAsync(_ => { }));
        Assert.Contains("without EnableRetryOnFailure",
            await WhyAsync(services => services.AddDbContext<ShopContext>(options => options.UseNpgsql("Host=nowhere", npgsql => npgsql.EnableRetryOnFailure()))));
        Assert.Contains("a ShopContext cannot be made: no options",
            await WhyAsync(services => services.AddScoped<ShopContext>(_ => throw new InvalidOperationException("no options."))));
    }

    [Fact]
    public async Task A_context_for_another_kind_of_database_fails_the_task_with_what_to_do()
    {
        var place = await PlaceAsync(Engine.Sqlite);
        using var host = Application(place, services => services.AddDbContext<ShopContext>(options => options.UseNpgsql("Host=nowhere")),
            job =>
            {
                job.MaxAttempts = 1;
                job.ProcessInTransaction<ShopContext>((_, _) => { });
            });
        Assert.Equal(Records, (await RunAsync(host)).Failed);
        var task = (await host.Services.GetRequiredService<PampaCluster>().TasksAsync("numbers", cancellationToken: Stopping)).Tasks[0];
        Assert.Contains("ShopContext is configured for a NpgsqlConnection, but the job's database has a SqliteConnection", task.Error);
    }
}
