using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>A server that can be made to hang up.</summary>
internal sealed class Outage
{
    private readonly ConcurrentDictionary<HttpContext, bool> open = [];
    private volatile bool isDown;

    public void Use(WebApplication app) => app.Use(async (HttpContext context, RequestDelegate next) =>
    {
        if (isDown)
        {
            context.Abort();
            return;
        }
        open[context] = true;
        try
        {
            await next(context);
        }
        finally
        {
            open.TryRemove(context, out _);
        }
    });

    public void Begin()
    {
        isDown = true;
        foreach (var context in open.Keys) context.Abort();
    }

    public void End() => isDown = false;
}
