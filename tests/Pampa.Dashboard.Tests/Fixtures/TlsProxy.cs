using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>A proxy as people put it before the dashboard: browsers speak TLS with it, and it passes on without, with nothing said of itself.</summary>
internal sealed class TlsProxy : IAsyncDisposable
{
    private static readonly HashSet<string> OfConnection = new(["Connection", "Transfer-Encoding", "Keep-Alive", "Content-Length", "Content-Type"], StringComparer.OrdinalIgnoreCase);
    private readonly WebApplication app;
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly X509Certificate2 certificate;
    private readonly Uri target;

    private TlsProxy(Uri target)
    {
        this.target = target;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration()
            .ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        app = builder.Build();
        app.Run(PassAsync);
    }

    public Uri Address => new(app.Urls.First());

    public static async Task<TlsProxy> StartAsync(Uri target)
    {
        var proxy = new TlsProxy(target);
        await proxy.app.StartAsync(TestContext.Current.CancellationToken);
        return proxy;
    }

    private async Task PassAsync(HttpContext context)
    {
        var asked = context.Request;
        using var request = new HttpRequestMessage(new HttpMethod(asked.Method), new Uri(target, $"{asked.Path}{asked.QueryString}"));
        if (asked.ContentLength > 0)
        {
            request.Content = new StreamContent(asked.Body);
            request.Content.Headers.ContentLength = asked.ContentLength;
            request.Content.Headers.TryAddWithoutValidation("Content-Type", asked.ContentType);
        }
        foreach (var (name, value) in asked.Headers.Where(h => !OfConnection.Contains(h.Key))) request.Headers.TryAddWithoutValidation(name, value.ToArray());
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var (name, values) in response.Headers.Concat(response.Content.Headers).Where(h => !OfConnection.Contains(h.Key)))
                context.Response.Headers[name] = values.ToArray();
            context.Response.ContentType = response.Content.Headers.ContentType?.ToString();
            await using var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
            var buffer = new byte[16 * 1024];
            while (await body.ReadAsync(buffer, context.RequestAborted) is > 0 and var count)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The browser has closed the page.
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(2), TimeProvider.System);
        await app.StopAsync(soon.Token);
        await app.DisposeAsync();
        http.Dispose();
        certificate.Dispose();
    }
}
