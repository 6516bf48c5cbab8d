using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace Pampa.Hosting;

/// <summary>Makes the class of a job in a scope of its own for each call, and ends both with the call.</summary>
internal sealed class ScopedJob<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TJob>(IServiceProvider services)
    where TJob : class
{
    private readonly bool isRegistered = services.GetService<IServiceProviderIsService>()?.IsService(typeof(TJob)) ?? false;
    private ObjectFactory<TJob>? make;

    public async ValueTask UseAsync(Func<TJob, ValueTask> useAsync) => await UseAsync(async job =>
    {
        await useAsync(job);
        return true;
    });

    public async ValueTask<TResult> UseAsync<TResult>(Func<TJob, ValueTask<TResult>> useAsync)
    {
        await using var scope = services.CreateAsyncScope();
        if (isRegistered) return await useAsync(scope.ServiceProvider.GetRequiredService<TJob>());
        var job = Make(scope.ServiceProvider);
        try
        {
            return await useAsync(job);
        }
        finally
        {
            await EndAsync(job);
        }
    }

    /// <summary>Makes one and ends it again. Null where that works; else what is wrong, as a part of a sentence.</summary>
    public string? WhyNot()
    {
        try
        {
            // Before anything runs, on the thread that starts the program: there is nothing that it could hold up.
            TryAsync().AsTask().GetAwaiter().GetResult();
            return null;
        }
        catch (Exception e)
        {
            return $"class '{typeof(TJob).Name}' cannot be made: {e.Message.TrimEnd('.')}. Register what its constructor asks for";
        }
    }

    private async ValueTask TryAsync()
    {
        await using var scope = services.CreateAsyncScope();
        if (isRegistered) scope.ServiceProvider.GetRequiredService<TJob>();
        else await EndAsync(Make(scope.ServiceProvider));
    }

    private TJob Make(IServiceProvider scope)
    {
        make ??= ActivatorUtilities.CreateFactory<TJob>([]);
        return make(scope, []);
    }

    private static ValueTask EndAsync(TJob job)
    {
        if (job is IAsyncDisposable later) return later.DisposeAsync();
        (job as IDisposable)?.Dispose();
        return default;
    }
}
