using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Pampa.Showing;

namespace Pampa.Serving;

/// <summary>
/// The stream of snapshots (server-sent events). Whoever reads slowly gets fewer, for only the newest is sent; after a quarter of an hour it
/// ends and the browser asks again, at the gate. It ends, too, when the session has ended that it was asked for with.
/// </summary>
internal sealed class Stream(Watcher watcher, TimeProvider time, CancellationToken stopping)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Breath = TimeSpan.FromSeconds(10);

    public async Task SendAsync(HttpContext context, Func<bool>? isOver = null)
    {
        if (HttpMethods.IsHead(context.Request.Method)) return;
        using var viewer = watcher.Enter();
        if (viewer is null)
        {
            context.Response.Headers.RetryAfter = "10";
            await Answer.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, $"More than {Watcher.MostViewers} pages look on already.");
            return;
        }
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        end.CancelAfter(Longest);
        try
        {
            await SendAsync(context.Response, isOver ?? (() => false), end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The page is closed, the application stops, or the time is over.
        }
    }

    private async Task SendAsync(HttpResponse response, Func<bool> isOver, CancellationToken ended)
    {
        await response.Body.WriteAsync("retry: 2000\n\n"u8.ToArray(), ended);
        var seen = 0L;
        while (true)
        {
            var next = watcher.NextAsync(seen, ended);
            // A word now and then, so that both sides notice when the other is gone: an event, for of comments a page is not told.
            while (await Task.WhenAny(next, Task.Delay(Breath, time, ended)) != next)
            {
                ended.ThrowIfCancellationRequested();
                if (isOver()) return;
                await response.Body.WriteAsync("event: here\ndata: 1\n\n"u8.ToArray(), ended);
                await response.Body.FlushAsync(ended);
            }
            var (bytes, version) = await next;
            if (isOver()) return;
            seen = version;
            await response.Body.WriteAsync("event: snapshot\ndata: "u8.ToArray(), ended);
            await response.Body.WriteAsync(bytes, ended);
            await response.Body.WriteAsync("\n\n"u8.ToArray(), ended);
            await response.Body.FlushAsync(ended);
        }
    }
}
