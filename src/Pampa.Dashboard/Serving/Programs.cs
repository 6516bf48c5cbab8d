using System.Text;
using Microsoft.AspNetCore.Http;
using Pampa.Showing;

namespace Pampa.Serving;

/// <summary>
/// What programs ask for: numbers for Prometheus, and how many workers a job wants. They are told what pages are told, so that however
/// many ask, the database is asked once.
/// </summary>
internal sealed class Programs(Watcher watcher)
{
    /// <summary>The path of the numbers.</summary>
    public const string Metrics = "/metrics";

    /// <summary>What the path of a job's workers begins with.</summary>
    public const string Scale = "/scale/";

    private const string Text = "text/plain; version=0.0.4; charset=utf-8";

    public async Task AnswerAsync(HttpContext context, string path)
    {
        var seen = await watcher.SeenAsync(context.RequestAborted);
        if (path == Metrics) await MetricsAsync(context, seen);
        else await ScaleAsync(context, seen, path[Scale.Length..]);
    }

    private static async Task MetricsAsync(HttpContext context, SnapshotShape seen)
    {
        var bytes = Encoding.UTF8.GetBytes(Measures.Write(seen));
        context.Response.ContentType = Text;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    // An old number would start or stop workers for what is not so any more; whoever scales knows what to do without one.
    private static Task ScaleAsync(HttpContext context, SnapshotShape seen, string name)
    {
        if (seen.Trouble is { } trouble) return Answer.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, trouble);
        if (seen.Jobs.FirstOrDefault(j => j.Name == name) is not { } job)
            return Answer.ProblemAsync(context, StatusCodes.Status404NotFound, $"There is no job '{name}'. Jobs are {string.Join(", ", seen.Jobs.Select(j => j.Name))}.");
        return job is { Trouble: null, Scale: { } scale }
            ? Answer.JsonAsync(context, scale, ShapeJson.Default.ScaleShape)
            : Answer.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, job.Trouble ?? job.Fault ?? "The job has not been counted yet.");
    }
}
