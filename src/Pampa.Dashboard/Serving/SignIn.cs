using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;

namespace Pampa.Serving;

/// <summary>How people sign in to a dashboard that is a program of its own.</summary>
internal abstract class SignIn
{
    /// <summary>Whether the page asks for the secret, so that page and scripts are there for everybody; they hold no data.</summary>
    public virtual bool IsByPage => false;

    /// <summary>Whether somebody is in, whether he may act, and who he is.</summary>
    public abstract (bool IsIn, bool MayAct, string? Who) Recognise(HttpContext context, Session? session);

    /// <summary>Adds to the refusal what a browser needs to ask its user.</summary>
    public virtual void Challenge(HttpResponse response)
    {
    }
}

/// <summary>
/// Two secrets: one of those who act, and if there is one, one of those who look. They are long (<see cref="ShortestLength"/>), so that
/// nobody has to be locked out for trying, and compared in a time that tells nothing.
/// </summary>
/// <param name="acting">Of those who act.</param>
/// <param name="looking">Of those who look; null: there is none.</param>
/// <param name="log">Told of wrong ones.</param>
/// <param name="time">The clock by which they are told once a minute.</param>
internal sealed class SecretPair(string acting, string? looking, ILogger log, TimeProvider time)
{
    public const int ShortestLength = 16;
    private readonly Telling wrong = new(time);

    /// <summary>What a secret proves.</summary>
    public SessionRole Check(string secret, HttpContext context)
    {
        if (IsSame(secret, acting)) return SessionRole.Operator;
        if (looking is not null && IsSame(secret, looking)) return SessionRole.Reader;
        // A line a minute: whoever tries fills no disk.
        if (wrong.IsDue(out var unsaid)) Log.WrongSecret(log, context.Connection.RemoteIpAddress?.ToString() ?? "an address that is not known", unsaid);
        return SessionRole.Visitor;
    }

    // Hashes are of one length, whatever is compared.
    private static bool IsSame(string a, string b) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(a)), SHA256.HashData(Encoding.UTF8.GetBytes(b)));
}

/// <summary>
/// A page asks for a token, and the session remembers that it was right. A program that has no page shows it with each request, as a bearer
/// token; it only looks, for what changes something needs the token of a page.
/// </summary>
internal sealed class TokenSignIn(SecretPair secrets) : SignIn
{
    public SecretPair Secrets => secrets;

    public override bool IsByPage => true;

    public override (bool IsIn, bool MayAct, string? Who) Recognise(HttpContext context, Session? session)
    {
        if (session?.Role is SessionRole.Operator or SessionRole.Reader) return (true, session.Role == SessionRole.Operator, null);
        var shows = AuthenticationHeaderValue.TryParse(context.Request.Headers.Authorization, out var header)
            && "Bearer".Equals(header.Scheme, StringComparison.OrdinalIgnoreCase);
        return (shows && secrets.Check(header!.Parameter ?? "", context) is SessionRole.Operator or SessionRole.Reader, false, null);
    }
}

/// <summary>Name and password, for which the browser itself asks.</summary>
internal sealed class BasicSignIn(SecretPair secrets) : SignIn
{
    public override (bool IsIn, bool MayAct, string? Who) Recognise(HttpContext context, Session? session)
    {
        if (!AuthenticationHeaderValue.TryParse(context.Request.Headers.Authorization, out var header)
            || !"Basic".Equals(header.Scheme, StringComparison.OrdinalIgnoreCase)) return default;
        var bytes = new byte[(header.Parameter?.Length ?? 0) + 4];
        if (!Convert.TryFromBase64String(header.Parameter ?? "", bytes, out var length)) return default;
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return default;
        var role = secrets.Check(text[(colon + 1)..], context);
        return (role is SessionRole.Operator or SessionRole.Reader, role == SessionRole.Operator, text[..colon]);
    }

    public override void Challenge(HttpResponse response) => response.Headers.WWWAuthenticate = "Basic realm=\"Pampa\", charset=\"UTF-8\"";
}

/// <summary>A proxy has signed people in and says in a header who they are; only the proxy's own address is believed.</summary>
internal sealed class HeaderSignIn(string header, IReadOnlyCollection<IPAddress> proxies, IReadOnlyCollection<string> operators) : SignIn
{
    public override (bool IsIn, bool MayAct, string? Who) Recognise(HttpContext context, Session? session)
    {
        var address = context.Connection.RemoteIpAddress;
        if (address is { IsIPv4MappedToIPv6: true }) address = address.MapToIPv4();
        var values = context.Request.Headers[header];
        if (address is null || !proxies.Contains(address) || values is not [{ Length: > 0 } who]) return default;
        return (true, operators.Count == 0 || operators.Contains(who), who);
    }
}
