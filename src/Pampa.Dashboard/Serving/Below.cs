using Microsoft.AspNetCore.Http;

namespace Pampa.Serving;

/// <summary>
/// Where the dashboard is, and what is asked of it there. Only the route knows: groups and other spellings stand before it, which nobody has
/// told when it was mapped.
/// </summary>
/// <param name="Base">The path before it, as this request spells it; without a slash at its end.</param>
/// <param name="Way">What is asked for: empty without the slash behind the base, else from that slash on.</param>
internal readonly record struct Below(PathString Base, string Way)
{
    /// <summary>The name of the part of the route that is the dashboard's own.</summary>
    public const string Rest = "path";

    public static Below Of(HttpRequest request)
    {
        var all = request.Path.Value ?? "";
        var rest = request.RouteValues[Rest] as string ?? "";
        // An escaped slash is the one thing that a route spells otherwise than the path: no page of the dashboard has one.
        var length = all.EndsWith(rest, StringComparison.Ordinal) ? all.Length - rest.Length : 0;
        var before = all[..length];
        return before.EndsWith('/') ? new Below(before[..^1], $"/{rest}") : new Below(before, rest);
    }
}
