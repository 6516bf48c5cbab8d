using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Pampa.Serving;

/// <summary>A browser's session.</summary>
/// <param name="Id">Random.</param>
/// <param name="Role">What was proved: nothing, or by which secret somebody has signed in.</param>
internal sealed record Session(string Id, SessionRole Role);

/// <summary>What a session has proved.</summary>
internal enum SessionRole
{
    /// <summary>Nothing.</summary>
    Visitor,

    /// <summary>May look.</summary>
    Reader,

    /// <summary>May act.</summary>
    Operator,
}

/// <summary>
/// Sessions as cookies that only this process can have made, and the token that a page must show when it changes something. The key is
/// random and of this process: after a restart people sign in again, and pages fetch a new token by themselves. Of those who have signed out
/// the process remembers the ids, so that a copy of the cookie is worth nothing.
/// </summary>
/// <param name="time">Time.</param>
internal sealed class Sessions(TimeProvider time)
{
    public const string TokenHeader = "X-Pampa-Token";
    private static readonly TimeSpan Life = TimeSpan.FromHours(12);
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, DateTimeOffset> over = new(StringComparer.Ordinal);

    /// <summary>The session of a request; null where it has none, or one that is over or of another process.</summary>
    public Session? Read(HttpContext context)
    {
        // id.role.end.signature
        if (context.Request.Cookies[CookieOf(context.Request)]?.Split('.') is not [var id, var role, var end, var signature]) return null;
        if (!Enum.TryParse<SessionRole>(role, out var proved)) return null;
        if (!long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return null;
        if (!Matches(signature, $"cookie {id} {role} {end}") || seconds < time.GetUtcNow().ToUnixTimeSeconds()) return null;
        return over.ContainsKey(id) ? null : new Session(id, proved);
    }

    /// <summary>Whether somebody has ended it since it was read.</summary>
    public bool IsOver(Session? session) => session is not null && over.ContainsKey(session.Id);

    /// <summary>Begins a session and gives its cookie to the browser.</summary>
    public Session Begin(HttpContext context, SessionRole role)
    {
        var session = new Session(WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(18)), role);
        var end = (time.GetUtcNow() + Life).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = $"{session.Id}.{role}.{end}.{Sign($"cookie {session.Id} {role} {end}")}";
        context.Response.Cookies.Append(CookieOf(context.Request), text, Options(context));
        return session;
    }

    /// <summary>Ends the session: the browser forgets its cookie, and whoever has a copy of it is nobody with that.</summary>
    public void End(HttpContext context, Session? session)
    {
        context.Response.Cookies.Delete(CookieOf(context.Request), Options(context));
        // Who has proved nothing has nothing to end, and could have any number of sessions remembered.
        if (session is not { Role: not SessionRole.Visitor }) return;
        var now = time.GetUtcNow();
        foreach (var (id, end) in over)
        {
            if (end < now) over.TryRemove(id, out _);
        }
        over[session.Id] = now + Life;
    }

    // Browsers tell neither ports nor longer paths apart: two dashboards of a computer would take each other's cookie for their own.
    private static string CookieOf(HttpRequest request)
    {
        var place = $"{request.Host.Port} {request.PathBase.Add(Below.Of(request).Base)}";
        return $"pampa-dashboard-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(place)).AsSpan(0, 4))}";
    }

    /// <summary>What a page of this session must show.</summary>
    public string TokenOf(Session session) => Sign($"token {session.Id}");

    public bool IsToken(Session? session, string? token) => session is not null && token is { Length: > 0 } && Matches(token, $"token {session.Id}");

    // It is sent for nothing but the dashboard, by the spelling that the page itself goes by.
    private static CookieOptions Options(HttpContext context) => new()
    {
        Path = $"{context.Request.PathBase.Add(Below.Of(context.Request).Base)}/",
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = IsEncrypted(context.Request),
        IsEssential = true,
    };

    // Behind a proxy the browser's own word (the page's origin) or the proxy's. Whoever lies gets a cookie that his own browser keeps back.
    private static bool IsEncrypted(HttpRequest request) => request.IsHttps
        || request.Headers.Origin.ToString().StartsWith("https://", StringComparison.Ordinal)
        || request.Headers["X-Forwarded-Proto"].ToString().Split(',')[0].Trim().Equals("https", StringComparison.OrdinalIgnoreCase);

    private string Sign(string text) => WebEncoders.Base64UrlEncode(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));

    private bool Matches(string signature, string text) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), Encoding.UTF8.GetBytes(Sign(text)));
}
