using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Pampa.Serving;

/// <summary>
/// What every request passes, whatever it asks for: page, data, stream or action. Nothing of the dashboard is reached by another way.
/// </summary>
/// <param name="options">Who may do what.</param>
/// <param name="sessions">The cookies of browsers.</param>
/// <param name="routes">What is behind the gate.</param>
/// <param name="log">Told of what is refused.</param>
internal sealed class Gate(PampaDashboardOptions options, Sessions sessions, Routes routes, ILogger log)
{
    private static readonly string[] LocalHosts = ["localhost", "127.0.0.1", "[::1]"];
    private static readonly string[] OfProxies = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"];

    /// <summary>Scripts and styles are files of the dashboard itself; what has no rule is forbidden.</summary>
    internal const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        Protect(context.Response.Headers);
        var (visit, refusal) = await LookAsync(context);
        if (visit is null || refusal is not null)
        {
            var (status, why) = refusal!.Value;
            Log.Refused(log, status, context.Request.Method, why);
            if (status == StatusCodes.Status401Unauthorized) options.SignIn?.Challenge(context.Response);
            await Answer.ProblemAsync(context, status, why);
            return;
        }
        try
        {
            await routes.AnswerAsync(context, visit);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Whoever has asked is gone.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            Log.Fault(log, context.Request.Method, context.Request.Path.ToUriComponent(), e);
            await Answer.ProblemAsync(context, StatusCodes.Status500InternalServerError, "The dashboard has met an error of its own; its log tells which.");
        }
    }

    private static void Protect(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers.CacheControl = "no-store";
    }

    private async Task<(Visit? Visit, (int Status, string Why)? Refusal)> LookAsync(HttpContext context)
    {
        var request = context.Request;
        var isGuarded = options.Authorize is not null || options.SignIn is not null || IsAuthorizedByEndpoint(context);
        if (HostRefusal(request, isGuarded) is { } host) return (null, host);
        if (!isGuarded && StrangerRefusal(context) is { } stranger) return (null, stranger);
        if (options.Authorize is { } authorize && !await authorize(context))
            return (null, (StatusCodes.Status403Forbidden, "You may not see this dashboard."));
        var way = Below.Of(request).Way;
        if (OriginRefusal(request, way) is { } origin) return (null, origin);
        return Enter(context, way);
    }

    // Without authorisation only this computer is answered; whether it is this computer cannot be told behind a proxy.
    private static (int, string)? StrangerRefusal(HttpContext context)
    {
        if (Array.Find(OfProxies, context.Request.Headers.ContainsKey) is { } header)
            return (StatusCodes.Status403Forbidden, $"The request came through a proxy ({header}), so it cannot be told who asks. Call RequireAuthorization on the dashboard, or have the application handle forwarded headers.");
        return context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
            ? null
            : (StatusCodes.Status403Forbidden, "The dashboard answers only this computer until somebody must sign in: call RequireAuthorization on it, or set the option Authorize.");
    }

    private (int, string)? HostRefusal(HttpRequest request, bool isGuarded)
    {
        var host = request.Host.Host;
        var isAllowed = options.AllowedHosts.Count > 0
            ? options.AllowedHosts.Contains(host)
            : isGuarded || LocalHosts.Contains(host, StringComparer.OrdinalIgnoreCase);
        return isAllowed ? null : (StatusCodes.Status421MisdirectedRequest, "The dashboard does not go by this name. Ask for it as localhost, or add the name to the option AllowedHosts.");
    }

    private static bool IsAuthorizedByEndpoint(HttpContext context) => context.GetEndpoint()?.Metadata is { } metadata
        && metadata.GetMetadata<IAllowAnonymous>() is null
        && (metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<AuthorizationPolicy>() is not null);

    // Another site may lead here by a link, and nothing else, whatever other sites the application lets ask for its own answers.
    private static (int, string)? OriginRefusal(HttpRequest request, string way)
    {
        var headers = request.Headers;
        var site = headers["Sec-Fetch-Site"].ToString();
        if (site == "same-origin") return null;
        if (headers.Origin.Count > 0 && !IsOwnOrigin(request)) return (StatusCodes.Status403Forbidden, "The request was made by a page of another site.");
        if (site is "" or "none") return null;
        var isLink = HttpMethods.IsGet(request.Method) && way is "" or "/" && headers["Sec-Fetch-Mode"] == "navigate" && headers["Sec-Fetch-Dest"] == "document";
        return isLink ? null : (StatusCodes.Status403Forbidden, "The request was made by a page of another site.");
    }

    // A browser that says "same-origin" has compared better than can be done here: it knows the address that it asked, and not what a proxy
    // has made of that. For browsers that do not say so: a proxy that takes the encryption away makes https of the page http of the request.
    // The other way round a page that anybody on the way could have changed would act on one that is safe.
    private static bool IsOwnOrigin(HttpRequest request) => request.Headers.Origin is [{ } origin]
        && (origin == $"{request.Scheme}://{request.Host}" || origin == $"https://{request.Host}");

    private (Visit?, (int, string)?) Enter(HttpContext context, string way)
    {
        var request = context.Request;
        var visit = new Visit(way, sessions.Read(context));
        var (isIn, isOperator, who) = options.SignIn?.Recognise(context, visit.Session) ?? (true, true, context.User.Identity?.Name);
        visit.IsIn = isIn;
        visit.MayAct = isIn && isOperator && !options.IsReadOnly && (options.IsOperator?.Invoke(context) ?? true);
        visit.Who = who is { Length: > 0 } ? who : $"dashboard ({context.Connection.RemoteIpAddress})";
        if (!isIn && !(options.SignIn!.IsByPage && Routes.IsOpen(request.Method, way)))
            return (null, (StatusCodes.Status401Unauthorized, "Sign in first."));
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) return (visit, null);
        if (!HttpMethods.IsPost(request.Method)) return (null, (StatusCodes.Status405MethodNotAllowed, "Only GET and POST are known here."));
        return ChangeRefusal(request, visit) is { } refusal ? (null, refusal) : (visit, null);
    }

    // A browser tells where a request comes from; a form cannot send JSON; a page of another site cannot read the token.
    private (int, string)? ChangeRefusal(HttpRequest request, Visit visit)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site != "same-origin" && !(site.Length == 0 && IsOwnOrigin(request)))
            return (StatusCodes.Status403Forbidden, "Only the dashboard's own pages may change something.");
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
            return (StatusCodes.Status415UnsupportedMediaType, "The body must be JSON.");
        if (!sessions.IsToken(visit.Session, request.Headers[Sessions.TokenHeader]))
            return (StatusCodes.Status403Forbidden, "The page is older than the session: load it anew.");
        return visit.MayAct || Routes.IsOpen(request.Method, visit.Path) ? null : (StatusCodes.Status403Forbidden, "You may look, but not act.");
    }
}

/// <summary>A request that was let in.</summary>
/// <param name="Path">What it asks for, below the dashboard's path.</param>
/// <param name="Session">The browser's session; null: it has none yet.</param>
internal sealed record Visit(string Path, Session? Session)
{
    public bool IsIn { get; set; }

    public bool MayAct { get; set; }

    /// <summary>Under which name what is done is remembered.</summary>
    public string Who { get; set; } = "";
}
