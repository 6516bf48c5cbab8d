using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;

namespace Pampa;

/// <summary>Handlers that write through a <see cref="DbContext"/> in the transaction of their task.</summary>
public static class PampaEntityFramework
{
    /// <summary>
    /// The code that runs for each task, with a context that takes part in the task's transaction: what the context saves and
    /// the completion are committed together or not at all, as with <see cref="JobBuilder.ProcessInTransaction(Action{PampaTask,
    /// System.Data.Common.DbConnection, System.Data.Common.DbTransaction})"/>. Changes that are not saved when the handler
    /// returns are saved then. Each run has a context of its own, so that one which others have overtaken begins anew.
    /// </summary>
    /// <typeparam name="TContext">
    /// The context, registered with <c>AddDbContext</c> or <c>AddDbContextFactory</c>, pooled or not, for the same kind of database
    /// as the job's. It uses the job's connection here, whatever connection it is configured with; it needs none of its own.
    /// </typeparam>
    /// <param name="job">The job.</param>
    /// <param name="handler">Neither commits nor rolls back. What it throws undoes all that it has written.</param>
    /// <param name="create">
    /// Makes the context, which is disposed of after the run. Default: it comes from dependency injection, from a scope per run.
    /// </param>
    /// <exception cref="PampaConfigurationException">
    /// The context cannot be made, or it repeats failed statements by itself (<c>EnableRetryOnFailure</c>), which nobody can do within
    /// a transaction; Pampa runs the handler again instead.
    /// </exception>
    [OverloadResolutionPriority(2)]
    public static void ProcessInTransaction<TContext>(this JobBuilder job, Func<TContext, PampaTask, Task> handler, Func<TContext>? create = null)
        where TContext : DbContext
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(handler);
        var contexts = new TaskContexts<TContext>(job, create);
        job.ProcessInTransaction((task, connection, transaction) =>
            contexts.RunAsync(task, connection, transaction, context => handler(context, task)));
    }

    /// <inheritdoc cref="ProcessInTransaction{TContext}(JobBuilder, Func{TContext, PampaTask, Task}, Func{TContext})"/>
    [OverloadResolutionPriority(1)]
    public static void ProcessInTransaction<TContext>(this JobBuilder job, Func<TContext, PampaTask, ValueTask> handler, Func<TContext>? create = null)
        where TContext : DbContext
    {
        ArgumentNullException.ThrowIfNull(handler);
        job.ProcessInTransaction<TContext>((context, task) => handler(context, task).AsTask(), create);
    }

    /// <inheritdoc cref="ProcessInTransaction{TContext}(JobBuilder, Func{TContext, PampaTask, Task}, Func{TContext})"/>
    [OverloadResolutionPriority(0)]
    public static void ProcessInTransaction<TContext>(this JobBuilder job, Action<TContext, PampaTask> handler, Func<TContext>? create = null)
        where TContext : DbContext
    {
        ArgumentNullException.ThrowIfNull(handler);
        job.ProcessInTransaction<TContext>((context, task) =>
        {
            handler(context, task);
            return Task.CompletedTask;
        }, create);
    }
}
