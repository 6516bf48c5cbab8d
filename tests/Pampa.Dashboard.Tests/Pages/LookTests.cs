using Microsoft.Playwright;
using Pampa.Dashboard.Tests.Fixtures;

namespace Pampa.Dashboard.Tests.Pages;

/// <summary>Every page, in both themes and at both widths: it says what it should, fits, can be read, and stands still.</summary>
[Collection(BrowserTests.Name)]
public sealed class LookTests(Browser browser)
{
    // Text against what is painted behind it, as the guidelines for accessible content (AA) reckon it.
    internal const string Faint = """
        () => {
          const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return { r: m[0], g: m[1], b: m[2], a: m[3] ?? 1 }; };
          const plain = c => c.startsWith('color(srgb') ? (() => { const m = c.match(/[\d.]+/g).map(Number); return { r: m[0] * 255, g: m[1] * 255, b: m[2] * 255, a: m[3] ?? 1 }; })() : rgb(c);
          const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
          const light = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(c.r) + 0.7152 * f(c.g) + 0.0722 * f(c.b); };
          const behind = e => { const layers = []; for (let at = e; at; at = at.parentElement) { const c = plain(getComputedStyle(at).backgroundColor); if (c.a > 0) { layers.push(c); if (c.a === 1) break; } }
            return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 }); };
          const found = [];
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            const e = node.parentElement;
            if (!node.data.trim() || !e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) || e.closest('button:disabled,noscript')) continue;
            const style = getComputedStyle(e);
            const under = behind(e), text = over(plain(style.color), under);
            const [a, b] = [light(text), light(under)].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
            if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} '${node.data.trim().slice(0, 40)}' ${style.color} on ${JSON.stringify(under)}`);
          }
          return found;
        }
        """;

    /// <summary>Each page: how its picture is called, where it is, its title, and what it says when it has come.</summary>
    private static readonly (string Name, string Hash, string Title, string Text)[] Pages =
    [
        ("overview", "#/", "Overview", "226 of 240 done"),
        ("job", "#/jobs/price_orders", "price_orders", "The price list has no article"),
        ("tasks", "#/tasks?job=price_orders", "Tasks", "Page 1"),
        ("failed", "#/tasks?job=price_orders&state=failed&order=latestend&column=amount&where=amount%20%3E%200", "Tasks", "Page 1, the last"),
        ("empty", "#/tasks?job=price_orders&error=there%20is%20none", "Tasks", "No record matches"),
        ("task", "#/jobs/price_orders/tasks/24", "24", "What happened to it"),
        ("running", "#/jobs/shrink_images/tasks/catalogue%2Fspring%2F1.png", "catalogue/spring/1.png", "What happened to it"),
        ("nodes", "#/nodes", "Nodes and workers", "local.1"),
        ("schedules", "#/schedules", "Schedules", "nightly_report"),
        ("audit", "#/audit", "Audit", "the printer is being mended"),
        ("health", "#/health", "Health", "looked at"),
    ];

    [Theory, InlineData(ColorScheme.Light, 1280), InlineData(ColorScheme.Dark, 1280), InlineData(ColorScheme.Light, 375), InlineData(ColorScheme.Dark, 375)]
    public async Task Every_page_fits_can_be_read_and_is_kept_as_a_picture(ColorScheme scheme, int width)
    {
        await using var visit = await browser.OpenAsync("#/", width, scheme);
        var page = visit.Page;
        await Assertions.Expect(page.Locator(".fresh.live")).ToBeVisibleAsync();
        foreach (var (name, hash, title, text) in Pages)
        {
            await visit.GoAsync(hash);
            await Assertions.Expect(page.Locator("h1")).ToContainTextAsync(title);
            await Assertions.Expect(page.Locator("main")).ToContainTextAsync(text);
            await Assertions.Expect(page.Locator(".skeleton, .waiting")).ToHaveCountAsync(0);
            var sizes = await page.EvaluateAsync<int[]>("() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            Assert.True(sizes[0] <= sizes[1], $"{name} at {width}: {sizes[0]} wide");
            var faint = await page.EvaluateAsync<string[]>(Faint);
            Assert.True(faint.Length == 0, $"{name}: {string.Join('\n', faint)}");
            // A row of numbers that is not full shows what is behind it as if it were one.
            var holes = await page.EvaluateAsync<double[]>(
                "() => [...document.querySelectorAll('.stats')].map(s => s.getBoundingClientRect().right - s.lastElementChild.getBoundingClientRect().right)");
            Assert.All(holes, hole => Assert.InRange(hole, 0, 3));
            await visit.PictureAsync($"{name}-{scheme.ToString().ToLowerInvariant()}-{width}");
        }
    }

    [Fact]
    public async Task Updates_move_nothing()
    {
        await using var visit = await browser.OpenAsync();
        await Assertions.Expect(visit.Page.Locator("table.jobs tbody tr")).ToHaveCountAsync(4);
        await Assertions.Expect(visit.Page.Locator(".calm")).ToContainTextAsync("All is well");
        await visit.Page.EvaluateAsync("""
            () => { window.moved = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) window.moved += e.value; }).observe({ type: 'layout-shift', buffered: false });
              window.came = 0; const s = new EventSource('api/stream'); s.addEventListener('snapshot', () => window.came++); }
            """);
        await visit.Page.WaitForFunctionAsync("() => window.came >= 4");
        // A number that gets another digit begins further to the left; nothing else may move.
        Assert.InRange(await visit.Page.EvaluateAsync<double>("() => window.moved"), 0, 0.001);
    }

    [Fact]
    public async Task The_theme_follows_the_system_until_one_is_chosen_and_is_kept()
    {
        await using var visit = await browser.OpenAsync(scheme: ColorScheme.Dark);
        var page = visit.Page;
        Task<string> GroundAsync() => page.EvaluateAsync<string>("() => getComputedStyle(document.documentElement).backgroundColor");
        await Assertions.Expect(page.Locator(".theme")).ToBeVisibleAsync();
        var dark = await GroundAsync();
        await page.Locator(".theme").ClickAsync();
        var light = await GroundAsync();
        Assert.NotEqual(dark, light);
        await page.ReloadAsync();
        Assert.Equal(light, await GroundAsync());
        await page.Locator(".theme").ClickAsync();
        Assert.Equal(dark, await GroundAsync());
        await page.Locator(".theme").ClickAsync();
        await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Light });
        await Assertions.Expect(page.Locator("html")).ToHaveCSSAsync("background-color", light);
    }

    // Both keys in one message: the page waits for the second one only a moment, however long a message takes.
    private static async Task JumpAsync(IPage page, string key) => await page.EvaluateAsync(
        "key => { for (const k of ['g', key]) (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key: k, bubbles: true })); }", key);

    [Fact]
    public async Task Keys_lead_everywhere()
    {
        await using var visit = await browser.OpenAsync();
        var page = visit.Page;
        await Assertions.Expect(page.Locator("table.jobs")).ToBeVisibleAsync();
        foreach (var (key, title) in new[] { ("t", "Tasks"), ("n", "Nodes and workers"), ("s", "Schedules"), ("a", "Audit"), ("h", "Health"), ("o", "Overview") })
        {
            await JumpAsync(page, key);
            await Assertions.Expect(page.Locator("h1")).ToHaveTextAsync(title);
        }
        await page.Keyboard.PressAsync("?");
        await Assertions.Expect(page.Locator("dialog[open]")).ToContainTextAsync("next and previous row");
        await visit.PictureAsync("keys");
        await page.Keyboard.PressAsync("Escape");
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("h1")).ToContainTextAsync("price_orders");
        await JumpAsync(page, "t");
        await Assertions.Expect(page.Locator("[data-search]")).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("/");
        await page.Keyboard.TypeAsync("tax office");
        await Assertions.Expect(page.Locator("table.tasks tbody tr")).ToHaveCountAsync(4);
    }

    [Fact, Trait("suite", "security")]
    public async Task What_got_into_the_page_all_the_same_would_not_run()
    {
        await using var visit = await browser.OpenAsync();
        visit.IsExpected = text => text.Contains("Content Security Policy", StringComparison.Ordinal) || text.Contains("Trusted", StringComparison.Ordinal)
            || text.Contains("data:image/none", StringComparison.Ordinal) || text.Contains("ERR_", StringComparison.Ordinal);
        var stopped = await visit.Page.EvaluateAsync<string[]>("""
            async () => {
              const stopped = [];
              addEventListener('securitypolicyviolation', e => stopped.push(e.effectiveDirective));
              const tried = act => { try { act(); } catch { stopped.push('thrown'); } };
              tried(() => { const s = document.createElement('script'); s.append(document.createTextNode('window.ran = 1')); document.body.append(s); });
              tried(() => document.body.insertAdjacentHTML('beforeend', '<img src="data:image/none" onerror="window.ran = 2">'));
              tried(() => { const i = document.createElement('img'); i.setAttribute('onerror', 'window.ran = 3'); i.src = 'data:image/none'; document.body.append(i); });
              tried(() => { const s = document.createElement('script'); s.setAttribute('src', 'data:text/javascript,window.ran = 4'); document.body.append(s); });
              for (let i = 0; i < 100 && new Set(stopped).size < 2; i++) await new Promise(r => setTimeout(r, 20));
              await new Promise(r => setTimeout(r, 50));
              return [...stopped, `ran: ${window.ran}`];
            }
            """);
        var all = string.Join(", ", stopped);
        Assert.True(stopped[^1] == "ran: undefined", all);
        Assert.True(stopped.Any(s => s.StartsWith("script-src", StringComparison.Ordinal) || s == "require-trusted-types-for") && stopped.Length > 4, all);
    }

    [Fact, Trait("suite", "security")]
    public async Task Hostile_texts_are_shown_as_they_are()
    {
        await using var visit = await browser.OpenAsync("#/tasks?job=hostile&column=body");
        var page = visit.Page;
        await Assertions.Expect(page.Locator("table.tasks tbody tr")).ToHaveCountAsync(Shop.Hostile.Length);
        foreach (var hostile in Shop.Hostile)
        {
            await visit.GoAsync($"#/jobs/hostile/tasks/{Uri.EscapeDataString(hostile)}");
            // What is not seen, or turns others round, is spelled.
            var text = hostile.Replace("\u202E", @"\u202E", StringComparison.Ordinal).Replace("\u202C", @"\u202C", StringComparison.Ordinal).Replace("\u0007", @"\u0007", StringComparison.Ordinal);
            await Assertions.Expect(page.Locator("h1 .name")).ToHaveTextAsync(text);
            Assert.Equal(text, await page.Locator("h1 .name").TextContentAsync());
            Assert.Contains(text, await page.Locator(".error-text").TextContentAsync() ?? "", StringComparison.Ordinal);
            Assert.Equal(text, await page.Locator(".facts .value").First.TextContentAsync());
        }
        await visit.GoAsync("#/jobs/hostile");
        await Assertions.Expect(page.Locator("table.errors tbody tr").First).ToBeVisibleAsync();
        await visit.PictureAsync("hostile");
    }
}
