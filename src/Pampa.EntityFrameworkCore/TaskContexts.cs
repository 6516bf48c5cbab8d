using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace Pampa;

/// <summary>Makes a context for each run of a job's handler, lends it the task's connection and transaction, and saves what it has changed.</summary>
internal sealed class TaskContexts<TContext> where TContext : DbContext
{
    private readonly string job;
    private readonly IServiceProvider? services;
    private readonly Func<IServiceProvider, TContext> make;
    private readonly bool isOurs;

    public TaskContexts(JobBuilder job, Func<TContext>? create)
    {
        this.job = job.Name;
        services = job.Services;
        var known = services?.GetService<IServiceProviderIsService>();
        if (create is not null) make = _ => create();
        else if (known?.IsService(typeof(TContext)) == true) make = scope => scope.GetRequiredService<TContext>();
        else if (known?.IsService(typeof(IDbContextFactory<TContext>)) == true)
            make = scope => scope.GetRequiredService<IDbContextFactory<TContext>>().CreateDbContext();
        else throw Wrong($"nobody knows how to make a {typeof(TContext).Name}. Register it with AddDbContext or AddDbContextFactory, or give ProcessInTransaction a function that makes one");
        // What a scope has made it ends itself.
        isOurs = create is not null || known!.IsService(typeof(TContext)) == false;
        Try();
    }

    public async Task RunAsync(PampaTask task, DbConnection connection, DbTransaction transaction, Func<TContext, Task> handler)
    {
        await using var scope = services?.CreateAsyncScope();
        var context = Make(scope);
        try
        {
            var database = context.Database;
            var address = database.GetConnectionString();
            // One that has only a provider has none.
            if (address is not null && database.GetDbConnection().GetType() is var own && own != connection.GetType())
                throw new InvalidOperationException($"Job '{job}': {typeof(TContext).Name} is configured for a {own.Name}, but the job's database has a {connection.GetType().Name}. Configure it with the provider of that database.");
            database.SetDbConnection(connection, contextOwnsConnection: false);
            await database.UseTransactionAsync(transaction, task.CancellationToken);
            try
            {
                await handler(context);
                if (context.ChangeTracker.HasChanges()) await context.SaveChangesAsync(task.CancellationToken);
            }
            finally
            {
                await TakeBackAsync(context, address);
            }
        }
        finally
        {
            if (isOurs) await context.DisposeAsync();
        }
    }

    private TContext Make(AsyncServiceScope? scope) => make(scope?.ServiceProvider ?? NoServices.Instance);

    // It may go back to a pool of contexts, where somebody else gets it.
    private static async Task TakeBackAsync(TContext context, string? address)
    {
        var database = context.Database;
        await database.UseTransactionAsync(null, CancellationToken.None);
        var options = RelationalOptionsExtension.Extract(context.GetService<IDbContextOptions>());
        database.SetDbConnection(options.Connection, contextOwnsConnection: options.Connection is null || options.IsConnectionOwned);
        if (address is not null && database.GetConnectionString() is null) database.SetConnectionString(address);
    }

    // Before anything runs: what is wrong with it costs no attempt.
    private void Try()
    {
        bool repeats;
        try
        {
            using var scope = services?.CreateScope();
            var context = make(scope?.ServiceProvider ?? NoServices.Instance);
            repeats = context.Database.CreateExecutionStrategy().RetriesOnFailure;
            if (isOurs) context.Dispose();
        }
        catch (Exception e)
        {
            throw Wrong($"a {typeof(TContext).Name} cannot be made: {e.Message.TrimEnd('.')}");
        }
        if (repeats) throw Wrong($"{typeof(TContext).Name} must not repeat failed statements by itself, for what went before them in the transaction is undone. Configure it without EnableRetryOnFailure: the whole handler runs again instead");
    }

    private PampaConfigurationException Wrong(string what) => new([$"Job '{job}': {what}."]);

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
