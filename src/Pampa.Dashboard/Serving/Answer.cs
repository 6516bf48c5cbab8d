using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Pampa.Showing;

namespace Pampa.Serving;

/// <summary>Answers in JSON, and errors as words.</summary>
internal static class Answer
{
    private const string Json = "application/json; charset=utf-8";

    public static async Task JsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = Json;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    public static Task ProblemAsync(HttpContext context, int status, string text) =>
        JsonAsync(context, new ProblemShape(text), ShapeJson.Default.ProblemShape, status);
}
