using System.Net;
using System.Text;
using System.Text.Json;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>Somebody who asks over HTTP, with the cookies that he was given.</summary>
/// <param name="address">Where.</param>
/// <param name="cookies">Those of a browser that asks elsewhere, too.</param>
internal sealed class Caller(Uri address, CookieContainer? cookies = null) : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies ?? new CookieContainer() })
    {
        BaseAddress = address,
        Timeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>What the last session gave.</summary>
    public string Token { get; private set; } = "";

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    public async Task<Caller> WithSessionAsync()
    {
        Token = (await JsonAsync("api/session")).GetProperty("token").GetString()!;
        return this;
    }

    public Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    public async Task<JsonElement> JsonAsync(string path)
    {
        using var response = await GetAsync(path);
        var text = await response.Content.ReadAsStringAsync(Stopping);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{path}: {(int)response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Posts as a page of the dashboard does.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, string json) =>
        PostAsync(path, json, ("Sec-Fetch-Site", "same-origin"), ("X-Pampa-Token", Token));

    public Task<HttpResponseMessage> PostAsync(string path, string json, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, new StringContent(json, Encoding.UTF8, "application/json"), headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
        {
            if (name == "Host") request.Headers.Host = value;
            else Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stopping);
    }

    public void Dispose() => http.Dispose();
}
