using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>Lets so many questions for lists of records through, and holds all others until it is opened, or they are given up.</summary>
internal sealed class Turnstile(int free)
{
    private volatile TaskCompletionSource open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int came;
    private int left;

    /// <summary>How many were given up while they were held.</summary>
    public int Left => Volatile.Read(ref left);

    public void Open() => open.TrySetResult();

    /// <summary>From now on the same holds as at the beginning.</summary>
    public void Close()
    {
        open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref came, 0);
    }

    public void Use(WebApplication app) => app.Use(async (HttpContext context, RequestDelegate next) =>
    {
        if (context.Request.Path.Value!.EndsWith("/api/tasks", StringComparison.Ordinal) && Interlocked.Increment(ref came) > free)
        {
            try
            {
                await open.Task.WaitAsync(context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref left);
                return;
            }
        }
        await next(context);
    });
}
