using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Pampa.Serving;

/// <summary>A file of the front end.</summary>
internal sealed record Asset(byte[] Bytes, string ContentType, string Tag, bool IsForEver);

/// <summary>
/// The files of the front end, which are in the assembly itself: wherever the program runs from, whatever its SDK, they are there.
/// </summary>
internal sealed class Assets
{
    private const string Prefix = "web/";
    private readonly Dictionary<string, Asset> files;

    private Assets(Dictionary<string, Asset> files) => this.files = files;

    /// <summary>Those of this assembly; null: it was built without.</summary>
    public static Lazy<Assets?> Embedded { get; } = new(() => Read(typeof(Assets).Assembly));

    /// <summary>All names, for whoever wants to try each.</summary>
    public IEnumerable<string> Names => files.Keys;

    public Asset? Find(string name) => files.GetValueOrDefault(name);

    private static Assets? Read(Assembly assembly)
    {
        var files = new Dictionary<string, Asset>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames())
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            using var stream = assembly.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var file = name[Prefix.Length..].Replace('\\', '/');
            var tag = WebEncoders.Base64UrlEncode(SHA256.HashData(bytes)[..12]);
            // Names below assets/ hold a hash of what is in the file.
            files[file] = new Asset(bytes, TypeOf(file), $"\"{tag}\"", file.StartsWith("assets/", StringComparison.Ordinal));
        }
        return files.ContainsKey("index.html") ? new Assets(files) : null;
    }

    private static string TypeOf(string file) => Path.GetExtension(file) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".json" => "application/json; charset=utf-8",
        _ => "application/octet-stream",
    };

    public static async Task SendAsync(HttpContext context, Asset asset)
    {
        var response = context.Response;
        response.Headers.ETag = asset.Tag;
        response.Headers.CacheControl = asset.IsForEver ? "public, max-age=31536000, immutable" : "no-cache";
        if (context.Request.Headers.IfNoneMatch.ToString().Contains(asset.Tag, StringComparison.Ordinal))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        response.ContentType = asset.ContentType;
        response.ContentLength = asset.Bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await response.Body.WriteAsync(asset.Bytes, context.RequestAborted);
    }
}
