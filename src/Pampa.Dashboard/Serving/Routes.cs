using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Pampa.Showing;

namespace Pampa.Serving;

/// <summary>What there is behind the gate, by path. What is got changes nothing; what is posted is an action.</summary>
internal sealed class Routes(PampaDashboardOptions options, Assets assets, Sessions sessions, Looks looks, Acts acts, Watcher watcher)
{
    private const int LargestBody = 256 * 1024;
    private static readonly ShapeJson Json = ShapeJson.Default;
    private static readonly string Version = typeof(PampaCluster).Assembly.GetName().Version?.ToString(3) ?? "";

    public required TimeProvider Time { get; init; }

    /// <summary>Cancelled when the application stops, so that streams do not hold it up.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>Whether it is there for somebody who has not signed in: pages and scripts, which hold no data, and the sign-in itself.</summary>
    public static bool IsOpen(string method, string path) => HttpMethods.IsPost(method)
        ? path is "/api/signin" or "/api/signout"
        : !IsData(path) || path == "/api/session";

    private static bool IsData(string path) => path.StartsWith("/api/", StringComparison.Ordinal) || IsForPrograms(path);

    private static bool IsForPrograms(string path) => path == Programs.Metrics || path.StartsWith(Programs.Scale, StringComparison.Ordinal);

    public Task AnswerAsync(HttpContext context, Visit visit)
    {
        if (HttpMethods.IsPost(context.Request.Method)) return PostAsync(context, visit);
        if (IsForPrograms(visit.Path)) return new Programs(watcher).AnswerAsync(context, visit.Path);
        return visit.Path.StartsWith("/api/", StringComparison.Ordinal) ? GetAsync(context, visit) : AssetAsync(context, visit.Path);
    }

    private Task AssetAsync(HttpContext context, string path)
    {
        if (path.Length == 0)
        {
            // What the page asks for is relative to it, so that it need not know where it is. All of its address may be the path base.
            var last = context.Request.PathBase.Add(context.Request.Path).Value!.Split('/')[^1];
            context.Response.StatusCode = StatusCodes.Status302Found;
            context.Response.Headers.Location = $"{Uri.EscapeDataString(last)}/{context.Request.QueryString}";
            return Task.CompletedTask;
        }
        return assets.Find(path == "/" ? "index.html" : path[1..]) is { } asset
            ? Assets.SendAsync(context, asset)
            : Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "There is nothing here.");
    }

    private Task GetAsync(HttpContext context, Visit visit)
    {
        var query = new Query(context.Request.Query);
        var stopping = context.RequestAborted;
        return visit.Path switch
        {
            "/api/session" => SessionAsync(context, visit),
            "/api/overview" => OverviewAsync(context),
            "/api/stream" => new Stream(watcher, Time, Stopping).SendAsync(context, () => sessions.IsOver(visit.Session)),
            "/api/nodes" => ReadAsync(context, () => new Roster(watcher).NodesAsync(query, stopping), Json.NodePageShape),
            "/api/workers" => ReadAsync(context, () => new Roster(watcher).WorkersAsync(query, stopping), Json.WorkerPageShape),
            "/api/samples" => ReadAsync(context, () => looks.SamplesAsync(query, stopping), Json.SamplesShape),
            "/api/errors" => ReadAsync(context, () => looks.ErrorsAsync(query, stopping), Json.ErrorsShape),
            "/api/job" => ReadAsync(context, () => looks.JobAsync(query, stopping), Json.JobFactsShape),
            "/api/columns" => ReadAsync(context, () => looks.ColumnsAsync(query, stopping), Json.ColumnsShape),
            "/api/orders" => ReadAsync(context, () => looks.OrdersAsync(query, stopping), Json.OrdersShape),
            "/api/tasks" => ReadAsync(context, () => looks.TasksAsync(query, stopping), Json.TaskPageShape),
            "/api/task" => ReadAsync(context, () => looks.TaskAsync(query, stopping), Json.TaskDetailShape),
            "/api/schedules" => ReadAsync(context, () => looks.SchedulesAsync(stopping), Json.SchedulesShape),
            "/api/audit" => ReadAsync(context, () => looks.AuditAsync(query, stopping), Json.AuditShape),
            _ => Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "There is nothing here."),
        };
    }

    private Task PostAsync(HttpContext context, Visit visit) => visit.Path switch
    {
        "/api/signin" => SignInAsync(context),
        "/api/signout" => SignOutAsync(context, visit),
        "/api/preview" => ActAsync(context, Json.RecordsOrder, order => acts.PreviewAsync(order, visit.Who, context.RequestAborted), Json.PreviewShape),
        "/api/records" => ActAsync(context, Json.RecordsOrder, order => acts.ApplyAsync(order, visit.Who, context.RequestAborted), Json.OperationShape),
        "/api/steer" => ActAsync(context, Json.SteerOrder, order => acts.SteerAsync(order, visit.Who, context.RequestAborted), Json.DoneShape),
        "/api/schedule" => ActAsync(context, Json.ScheduleOrder, order => acts.ScheduleAsync(order, visit.Who, context.RequestAborted), Json.DoneShape),
        "/api/stop" => ActAsync(context, Json.StopOrder, acts.StopAsync, Json.DoneShape),
        _ => Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "There is nothing here."),
    };

    private Task SessionAsync(HttpContext context, Visit visit)
    {
        var session = visit.Session ?? sessions.Begin(context, SessionRole.Visitor);
        return Answer.JsonAsync(context, new SessionShape(
            options.Title, visit.IsIn, visit.MayAct, options.IsReadOnly, visit.IsIn ? visit.Who : null, options.SignIn?.IsByPage == true,
            sessions.TokenOf(session), visit.IsIn ? options.Database : null, Version), Json.SessionShape);
    }

    private async Task SignInAsync(HttpContext context)
    {
        if (await BodyAsync(context, Json.SignInOrder) is not { } order) return;
        if (options.SignIn is not TokenSignIn signIn || signIn.Secrets.Check(order.Secret, context) is not (var role and not SessionRole.Visitor))
        {
            await Answer.ProblemAsync(context, StatusCodes.Status403Forbidden, "This is not the secret.");
            return;
        }
        // A session of its own: whoever knew the one before is not signed in by that.
        sessions.Begin(context, role);
        await Answer.JsonAsync(context, new DoneShape("Signed in."), Json.DoneShape);
    }

    private Task SignOutAsync(HttpContext context, Visit visit)
    {
        sessions.End(context, visit.Session);
        return Answer.JsonAsync(context, new DoneShape("Signed out."), Json.DoneShape);
    }

    private async Task OverviewAsync(HttpContext context)
    {
        var (bytes, _) = await watcher.CurrentAsync(context.RequestAborted);
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    private async Task ActAsync<TOrder, T>(HttpContext context, JsonTypeInfo<TOrder> orderType, Func<TOrder, Task<T>> actAsync, JsonTypeInfo<T> type)
        where TOrder : class
    {
        if (await BodyAsync(context, orderType) is not { } order) return;
        await ReadAsync(context, async () => (T?)await actAsync(order), type);
        // What was done is to be seen at once.
        watcher.Hurry();
    }

    // What the caller has got wrong and what the database does not do is told; all else is the dashboard's own fault.
    private async Task ReadAsync<T>(HttpContext context, Func<Task<T?>> readAsync, JsonTypeInfo<T> type)
    {
        try
        {
            if (await readAsync() is { } answer) await Answer.JsonAsync(context, answer, type);
            else await Answer.ProblemAsync(context, StatusCodes.Status404NotFound, "There is no such record.");
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            await Answer.ProblemAsync(context, StatusCodes.Status400BadRequest, options.Redact(e.Message));
        }
        catch (TimeoutException e) when (e is not GivenUpException)
        {
            // The database has ended it: a page may know that it would go like that again.
            await Answer.ProblemAsync(context, StatusCodes.Status504GatewayTimeout, options.Redact(e.Message));
        }
        catch (Exception e) when (e is DbException or TimeoutException or PampaConfigurationException)
        {
            await Answer.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, options.Redact(e.Message));
        }
    }

    private static async Task<T?> BodyAsync<T>(HttpContext context, JsonTypeInfo<T> type) where T : class
    {
        var (status, why) = (StatusCodes.Status400BadRequest, "The body is not the JSON that is expected here.");
        try
        {
            if (context.Request.ContentLength is null or > LargestBody)
                (status, why) = (StatusCodes.Status413PayloadTooLarge, $"The body must have a length of at most {LargestBody:N0} bytes.");
            else if (await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) is { } order) return order;
        }
        catch (JsonException)
        {
            // Told below.
        }
        await Answer.ProblemAsync(context, status, why);
        return null;
    }
}
