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
/// random and of this process: after a restart people sign in again, and pages fetch a new token by themselves.
/// </summary>
/// <param name="time">Time.</param>
internal sealed class Sessions(TimeProvider time)
{
    public const string TokenHeader = "X-Pampa-Token";
    private const string Cookie = "pampa-dashboard";
    private static readonly TimeSpan Life = TimeSpan.FromHours(12);
    private readonly byte[] key = RandomNumberGenerator.GetBytes(32);

    /// <summary>The session of a request; null where it has none, or one that is over or of another process.</summary>
    public Session? Read(HttpContext context)
    {
        // id.role.end.signature
        if (context.Request.Cookies[Cookie]?.Split('.') is not [var id, var role, var end, var signature]) return null;
        if (!Enum.TryParse<SessionRole>(role, out var proved)) return null;
        if (!long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return null;
        if (!Matches(signature, $"cookie {id} {role} {end}") || seconds < time.GetUtcNow().ToUnixTimeSeconds()) return null;
        return new Session(id, proved);
    }

    /// <summary>Begins a session and gives its cookie to the browser.</summary>
    public Session Begin(HttpContext context, SessionRole role)
    {
        var session = new Session(WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(18)), role);
        var end = (time.GetUtcNow() + Life).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = $"{session.Id}.{role}.{end}.{Sign($"cookie {session.Id} {role} {end}")}";
        context.Response.Cookies.Append(Cookie, text, Options(context));
        return session;
    }

    /// <summary>Ends the session: the browser forgets its cookie.</summary>
    public static void End(HttpContext context) => context.Response.Cookies.Delete(Cookie, Options(context));

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
