using System.Diagnostics;
using Microsoft.Playwright;
using Pampa.Serving;

namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>One browser for all tests that need one, one after the other: they share two cores with the work that they look at.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class BrowserTests : ICollectionFixture<Browser>
{
    public const string Name = "browser";
}

/// <summary>Debian's Chromium, and a shop that is at work.</summary>
public sealed class Browser : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium";

    // Enough for a page on a machine that does other things, too.
    private const float Patience = 15_000;
    private readonly Stopwatch taken = Stopwatch.StartNew();
    private IPlaywright? playwright;
    private IBrowser? browser;
    private Site? shop;

    /// <summary>The repository's root: the folder of the solution above the tests' assembly.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Where pictures of pages are kept.</summary>
    internal static string Pictures { get; } = Directory.CreateDirectory(System.IO.Path.Combine(Root, "artifacts", "screenshots")).FullName;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Chromium) || Assets.Embedded.Value is null) return;
        // What is awaited is as patient as what is done.
        Assertions.SetDefaultExpectTimeout(Patience);
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium,
            // As people see it.
            IgnoreDefaultArgs = ["--hide-scrollbars"],
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
        shop = await Site.StartAsync(new SitePlan { Program = Fixtures.Shop.Busy, Options = o => o.ShowsColumn = (_, column) => column is "amount" or "body" });
        await shop.Cluster.PauseAsync(PampaTarget.Job("send_invoices"), "the printer is being mended", null, CancellationToken.None);
        await Until.TrueAsync(async () =>
        {
            var orders = await shop.Cluster.ReportAsync("price_orders");
            var images = await shop.Cluster.ReportAsync("shrink_images");
            var hostile = await shop.Cluster.ReportAsync("hostile");
            return orders.Pending + orders.Reserved + orders.Running == 0 && images.Running >= 2 && hostile.Failed == Fixtures.Shop.Hostile.Length;
        });
        await Course.WriteAsync(shop.Database);
    }

    /// <summary>Opens a page of the shop's dashboard; what a page must never do fails the test when the visit ends.</summary>
    internal Task<Visit> OpenAsync(string hash = "", int width = 1280, ColorScheme scheme = ColorScheme.Light) =>
        OpenAsync(shop is null ? new Uri("http://127.0.0.1/") : new Uri(shop.Address, hash), width, scheme);

    internal async Task<Visit> OpenAsync(Uri address, int width = 1280, ColorScheme scheme = ColorScheme.Light)
    {
        Assert.SkipUnless(File.Exists(Chromium), $"There is no browser here: {Chromium} is missing (apt-get install chromium).");
        Assert.SkipWhen(browser is null, "This build of the dashboard has no pages: there was no Node.js.");
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = width > 500 ? 800 : 780 },
            ColorScheme = scheme,
            TimezoneId = "Europe/Madrid",
            Locale = "en-GB",
            // A proxy of a test has a certificate of its own making.
            IgnoreHTTPSErrors = true,
            HasTouch = width < 500,
            IsMobile = width < 500,
        });
        context.SetDefaultTimeout(Patience);
        var page = await context.NewPageAsync();
        var visit = new Visit(context, page);
        await page.GotoAsync(address.ToString());
        return visit;
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null) await browser.DisposeAsync();
        playwright?.Dispose();
        if (shop is not null) await shop.DisposeAsync();
        if (browser is null) return;
        // Whoever runs all tests prints it.
        await File.WriteAllTextAsync(System.IO.Path.Combine(Root, "artifacts", "browser-tests.txt"), $"{Budget.Told(taken.Elapsed)}\n");
        Budget.Check(taken.Elapsed);
    }

    private static string FindRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(at.FullName, "Pampa.slnx"))) at = at.Parent ?? throw new InvalidOperationException("There is no Pampa.slnx above the tests.");
        return at.FullName;
    }
}

/// <summary>A page that is looked at.</summary>
internal sealed class Visit : IAsyncDisposable
{
    private static readonly string[] Own = ["http://127.0.0.1:", "https://127.0.0.1:", "data:"];
    private readonly IBrowserContext context;
    private readonly List<string> complaints = [];

    public Visit(IBrowserContext context, IPage page)
    {
        this.context = context;
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") complaints.Add($"console: {message.Text}");
        };
        page.PageError += (_, error) => complaints.Add($"error: {error}");
        page.Dialog += (_, dialog) =>
        {
            complaints.Add($"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        page.Request += (_, request) =>
        {
            if (!Own.Any(own => request.Url.StartsWith(own, StringComparison.Ordinal))) complaints.Add($"asks {request.Url}");
        };
    }

    public IPage Page { get; }

    /// <summary>Refusals that the test means to provoke.</summary>
    public Func<string, bool> IsExpected { get; set; } = _ => false;

    public ILocator Named(AriaRole role, string name, bool isExact = false) => Page.GetByRole(role, new PageGetByRoleOptions { Name = name, Exact = isExact });

    public Task GoAsync(string hash) => Page.EvaluateAsync("hash => { location.hash = hash; }", hash);

    /// <summary>Keeps a picture of the whole page, with what is fixed to its foot at its foot.</summary>
    public async Task PictureAsync(string name)
    {
        var (width, height) = (Page.ViewportSize!.Width, Page.ViewportSize.Height);
        var all = await Page.EvaluateAsync<int>("() => document.documentElement.scrollHeight");
        await Page.SetViewportSizeAsync(width, Math.Clamp(all, height, 4_000));
        var path = System.IO.Path.Combine(Browser.Pictures, $"{name}.png");
        await Page.ScreenshotAsync(new PageScreenshotOptions { Path = path, Animations = ScreenshotAnimations.Disabled });
        await Page.SetViewportSizeAsync(width, height);
    }

    public async ValueTask DisposeAsync()
    {
        await context.DisposeAsync();
        Assert.DoesNotContain(complaints, c => !IsExpected(c));
    }
}
