using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Pampa.Serving;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>How the application of a test is made.</summary>
internal sealed class SitePlan
{
    /// <summary>Below which path the dashboard is.</summary>
    public string Path { get; init; } = "/pampa";

    /// <summary>The group of endpoints that it is mapped in; null: none.</summary>
    public string? Group { get; init; }

    public Action<PampaBuilder> Program { get; init; } = Shop.Small;

    public Action<PampaDashboardOptions> Options { get; init; } = _ => { };

    /// <summary>What is said of the endpoint.</summary>
    public Action<IEndpointConventionBuilder> Endpoint { get; init; } = _ => { };

    /// <summary>What the application has besides.</summary>
    public Action<IServiceCollection> Services { get; init; } = _ => { };

    /// <summary>What stands before the dashboard.</summary>
    public Action<WebApplication> Before { get; init; } = _ => { };
}

/// <summary>An application with the dashboard, on a free port of this computer and a SQLite file of its own.</summary>
internal sealed class Site : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly string folder;

    private Site(WebApplication app, string folder, string path)
    {
        this.app = app;
        this.folder = folder;
        Root = new Uri(app.Urls.First());
        Address = new Uri(Root, $"{path.TrimEnd('/')}/");
    }

    /// <summary>The application's own root.</summary>
    public Uri Root { get; }

    /// <summary>The dashboard's page.</summary>
    public Uri Address { get; }

    public string Database => System.IO.Path.Combine(folder, "shop.db");

    public PampaCluster Cluster => app.Services.GetRequiredService<PampaCluster>();

    public static async Task<Site> StartAsync(SitePlan? plan = null)
    {
        plan ??= new SitePlan();
        Assert.SkipWhen(Assets.Embedded.Value is null, "This build of the dashboard has no pages: there was no Node.js.");
        var folder = Directory.CreateTempSubdirectory("pampa-site-").FullName;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration["Pampa:Database"] = System.IO.Path.Combine(folder, "shop.db");
        // A shop has handlers that run until they are told to end.
        builder.Configuration["Pampa:ShutdownTimeout"] = "00:00:01";
        builder.Services.AddRouting();
        builder.Services.AddPampa(plan.Program);
        plan.Services(builder.Services);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        plan.Before(app);
        if (plan.Path != "/") app.MapGet("/", () => "the application's own");
        IEndpointRouteBuilder endpoints = plan.Group is { } group ? app.MapGroup(group) : app;
        plan.Endpoint(endpoints.MapPampaDashboard(plan.Path, plan.Options));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new Site(app, folder, $"{plan.Group}{plan.Path}");
    }

    /// <summary>A caller that keeps cookies, and asks as the dashboard's own page does unless it is told otherwise.</summary>
    public Caller NewCaller() => new(Address);

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>
    /// Takes a table away until it is given back: of <c>pampa_stretch</c>, which every look at the cluster reads and nothing else here, the whole
    /// cluster cannot be seen.
    /// </summary>
    public async Task<IAsyncDisposable> WithoutAsync(string table)
    {
        await RenameAsync(table, $"{table}_away");
        return new Given(this, table);
    }

    private Task RenameAsync(string from, string to) => WriteAsync($"ALTER TABLE {from} RENAME TO {to}");

    /// <summary>Writes past everything that the application has.</summary>
    public async Task WriteAsync(string statement)
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = statement;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>One text of the database; null: there is none.</summary>
    public async Task<string?> ReadAsync(string query)
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = query;
        return await command.ExecuteScalarAsync() as string;
    }

    /// <summary>The jobs as others find them in the database. A process publishes them a moment after it has started.</summary>
    public async Task<PampaCluster> OpenPublishedAsync(CancellationToken stopping)
    {
        await UntilPublishedAsync();
        return await PampaCluster.OpenPublishedAsync(Database, cancellationToken: stopping);
    }

    public Task UntilPublishedAsync() => Until.TrueAsync(async () =>
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM pampa_job";
        return (long)(await command.ExecuteScalarAsync())! > 0;
    });

    /// <summary>Keeps everybody from writing until it is disposed.</summary>
    public async Task<IAsyncDisposable> LockAsync()
    {
        var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "BEGIN IMMEDIATE";
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private async Task<SqliteConnection> ConnectAsync()
    {
        var connection = new SqliteConnection($"Data Source={Database};Pooling=False;Default Timeout=30");
        await connection.OpenAsync();
        return connection;
    }

    private sealed class Given(Site site, string table) : IAsyncDisposable
    {
        private bool isDone;

        public async ValueTask DisposeAsync()
        {
            if (!isDone) await site.RenameAsync($"{table}_away", table);
            isDone = true;
        }
    }

    /// <summary>Makes every request look as if it came from another computer.</summary>
    public static void FromElsewhere(WebApplication app) => app.Use((HttpContext context, RequestDelegate next) =>
    {
        context.Connection.RemoteIpAddress = IPAddress.Parse("203.0.113.7");
        return next(context);
    });
}
